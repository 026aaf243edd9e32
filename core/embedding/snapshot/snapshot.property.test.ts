import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../base/runs.testkit.js';
import { readSnapshot } from './read-snapshot.testkit.js';
import { chunkBytesMax, header, keyAt, modelOf, slots } from './snapshot-rows.testkit.js';
import { SnapshotModel } from './snapshot-model.testkit.js';
import { writeSnapshot } from './writer.js';

/** What goes on while a snapshot is taken: a chunk is asked for, a row is pushed, a row is evicted. */
const step = fc.record({
  kind: fc.constantFrom('chunk', 'push', 'push', 'remove'),
  slotIndex: fc.nat({ max: slots.length - 1 }),
  key: fc.nat({ max: 120 }),
  figure: fc.integer({ min: -8, max: 8 }).map((n) => n / 8),
});

describe('snapshots against a Map', () => {
  test('a fuzzy snapshot and the changes recorded since before its first chunk are the source', () => {
    let missedWithoutChanges = 0;
    fc.assert(
      fc.property(
        fc.nat({ max: 80 }),
        fc.array(step, { minLength: 5, maxLength: 60 }),
        (rows, steps) => {
          const source = modelOf(rows);
          source.record();
          const chunks = writeSnapshot(source, header, { chunkBytesMax });
          const taken: Uint8Array[] = [];
          const take = () => {
            const next = chunks.next();
            if (!next.done) taken.push(next.value);
            return !next.done;
          };
          for (const { kind, slotIndex, key, figure } of steps) {
            if (kind === 'chunk') take();
            else if (kind === 'push') source.push(slotIndex, keyAt(key), figure);
            else source.remove(slotIndex, keyAt(key));
          }
          while (take());
          const follower = new SnapshotModel(slots);
          readSnapshot(taken, follower);
          if (JSON.stringify(follower.contents()) !== JSON.stringify(source.contents())) {
            missedWithoutChanges++;
          }
          source.replayInto(follower);
          expect(follower.contents()).toEqual(source.contents());
        },
      ),
      { numRuns: runs(40) },
    );
    // Else the changes would not have been needed, and the test shown nothing.
    expect(missedWithoutChanges).toBeGreaterThan(0);
  });

  test('any slots and rows come out as they went in', () => {
    const slot = fc.record({
      dim: fc.integer({ min: 1, max: 20 }),
      stateWidth: fc.nat({ max: 40 }),
      optimizer: fc.constantFrom('sgd', 'adagrad', 'a-name-of-32-characters-and-more'),
      rows: fc.nat({ max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(slot, { maxLength: 5 }), fc.uint8Array(), (specs, metadata) => {
        const described = specs.map(({ dim, stateWidth, optimizer }, i) => ({
          slot: 1000 * i,
          dim,
          stateWidth,
          optimizer,
        }));
        const source = new SnapshotModel(described);
        for (const [slotIndex, { rows }] of specs.entries()) {
          for (let i = 0; i < rows; i++) source.push(slotIndex, keyAt(i), i / 4, i);
        }
        const target = new SnapshotModel(described);
        const chunks = [...writeSnapshot(source, { ...header, metadata }, { chunkBytesMax })];
        expect(readSnapshot(chunks, target).rowsAssigned).toBe(source.rowCount);
        expect(target.contents()).toEqual(source.contents());
      }),
      { numRuns: runs(30) },
    );
  });
});
