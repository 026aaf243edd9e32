import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../base/runs.testkit.js';
import { partitionOf } from '../../base/fid.js';
import { EmbeddingPartition } from '../partition.js';
import { partitionSource } from '../snapshot/partition-snapshot.js';
import { readSnapshot } from '../snapshot/read-snapshot.testkit.js';
import { writeSnapshot } from '../snapshot/writer.js';
import { ServingPartition } from './serving-partition.js';
import { servingSource, servingTarget } from './serving-snapshot.js';
import type { ServingTableSpec } from './serving-table.js';

const specsOf = (compression: ServingTableSpec['compression']): ServingTableSpec[] => [
  { slot: 0, dim: 3, compression, seed: 1, fp32Prefix: 1 },
  { slot: 1, dim: 17, compression, seed: 1, fp32Prefix: 1 },
];

const header = {
  createdAtMs: 0,
  firstPartition: 0,
  partitionEnd: 1,
  partitionCount: 1,
  metadata: new Uint8Array(0),
};

/** A row is gone where `weight` is undefined. */
interface Change {
  readonly slot: number;
  readonly key: number;
  readonly weight: number | undefined;
}

/** Below 1e-30 the scale of int8 could be denormal, and rows then come back rounded; see its own test. */
const weight = fc
  .float({ min: -2, max: 2, noNaN: true })
  .map((each) => (Math.abs(each) < 1e-30 ? 0 : each));

const changes = fc.array(
  fc.record({
    slot: fc.integer({ min: 0, max: 1 }),
    key: fc.integer({ min: 0, max: 400 }),
    weight: fc.option(weight, { nil: undefined }),
  }),
  { maxLength: 200 },
);

function change(partition: ServingPartition, { slot, key, weight }: Change): void {
  const counts = Uint32Array.from([0, 1], (each) => (each === slot ? 1 : 0));
  const fid = Uint32Array.of(key, 7);
  if (weight === undefined) partition.remove(counts, 0, fid, 0);
  else {
    const { dim } = partition.tables[slot]!;
    const weights = Float32Array.from({ length: dim }, (_unused, d) => weight * Math.cos(key + d));
    partition.assign(counts, 0, fid, 0, weights, 0);
  }
}

const bulk = Array.from({ length: 600 }, (_unused, i) => ({
  slot: i % 2,
  key: i >> 1,
  weight: i / 500 - 0.3,
}));

describe.each(['fp32', 'fp16', 'int8'] as const)('a snapshot of served rows in %s', (form) => {
  const specs = specsOf(form);

  test('that is taken while rows change is exact once the changes since are made again', () => {
    fc.assert(
      fc.property(changes, changes, (before, during) => {
        const partition = new ServingPartition(0, specs);
        for (const each of [...bulk, ...before]) change(partition, each);
        const copy = new ServingPartition(0, specs);
        const chunks: Uint8Array[] = [];
        const pending = [...during];
        const source = servingSource(partition, specs);
        for (const chunk of writeSnapshot(source, header, { chunkBytesMax: 4096 })) {
          chunks.push(chunk);
          for (const each of pending.splice(0, 7)) change(partition, each);
        }
        readSnapshot(chunks, servingTarget([copy], specs, 1));
        const made = during.slice(0, during.length - pending.length);
        for (const each of made) change(copy, each);
        copy.verify();
        expect(copy.rowCount).toBe(partition.rowCount);
        expect(copy.digest()).toBe(partition.digest());
      }),
      { numRuns: runs(10) },
    );
  });

  test('that is taken at rest has each row once and comes back to the bit, without a policy', () => {
    const partition = new ServingPartition(0, specs);
    for (const each of bulk) change(partition, each);
    const copy = new ServingPartition(0, specs);
    const chunks = writeSnapshot(servingSource(partition, specs), header, { chunkBytesMax: 1024 });
    const summary = readSnapshot(chunks, servingTarget([copy], specs, 1));
    expect(summary).toMatchObject({ rowsAssigned: 600, rowsElsewhere: 0, rowsReset: 0 });
    expect(copy.digest()).toBe(partition.digest());
  });

  test('may have a row twice that was removed and came back further on; the copy has it once', () => {
    const partition = new ServingPartition(0, specs);
    for (const each of bulk) change(partition, each);
    const chunks: Uint8Array[] = [];
    for (const chunk of writeSnapshot(servingSource(partition, specs), header, {
      chunkBytesMax: 1024,
    })) {
      chunks.push(chunk);
      // The first rows are in the second chunk.
      if (chunks.length !== 2) continue;
      change(partition, { slot: 0, key: 0, weight: undefined });
      change(partition, { slot: 0, key: 299, weight: undefined });
      change(partition, { slot: 0, key: 0, weight: bulk[0]!.weight });
    }
    const copy = new ServingPartition(0, specs);
    expect(readSnapshot(chunks, servingTarget([copy], specs, 1)).rowsAssigned).toBe(600);
    expect(copy.rowCount).toBe(599);
    expect(copy.digest()).toBe(partition.digest());
  });

  test('of training rows loads with their state left out, and only if that is asked for', () => {
    const trained = specs.map(({ slot, dim, seed }) => ({
      slot,
      dim,
      seed,
      initializer: { kind: 'uniform' as const, minimum: -1, maximum: 1 },
      optimizer: { kind: 'adagrad' as const, learningRate: 0.1 },
    }));
    const owner = new EmbeddingPartition(0, trained);
    const counts = Uint32Array.of(150, 50);
    const fids = Uint32Array.from({ length: 400 }, (_unused, i) => i);
    owner.push(counts, 0, fids, 0, new Float32Array(150 * 3 + 50 * 17).fill(0.3), 0, 1, 0);
    const chunks = [...writeSnapshot(partitionSource(owner, trained), header)];
    const loaded = new ServingPartition(0, specs);
    const target = servingTarget([loaded], specs, 1);
    expect(() => readSnapshot(chunks, target)).toThrow('slot 0: rows learned by adagrad');
    const summary = readSnapshot(chunks, target, { optimizerChange: 'reset-state' });
    expect(summary).toMatchObject({ rowsAssigned: 200, rowsReset: 200 });
    const followed = new ServingPartition(0, specs);
    const delta = owner.takeDelta();
    followed.assign(delta.counts, 0, delta.fids, 0, delta.weights, 0);
    expect(loaded.digest()).toBe(followed.digest());
  });

  test('loads into another number of partitions', () => {
    const partition = new ServingPartition(0, specs);
    for (const each of bulk) change(partition, each);
    const chunks = [...writeSnapshot(servingSource(partition, specs), header)];
    const copies = [0, 1, 2].map((number) => new ServingPartition(number, specs));
    for (const copy of copies) {
      const summary = readSnapshot(chunks, servingTarget([copy], specs, 3));
      expect(summary.rowsAssigned + summary.rowsElsewhere).toBe(600);
    }
    expect(copies.map(({ rowCount }) => rowCount)).toEqual(
      [0, 1, 2].map((number) => bulk.filter(({ key }) => partitionOf(key, 7, 3) === number).length),
    );
  });
});

describe('a target of served rows', () => {
  const specs = specsOf('fp32');
  const partition = new ServingPartition(2, specs);

  test('refuses partitions that no row would go to, which would leave every row out in silence', () => {
    expect(() => servingTarget([partition], specs, 2)).toThrow('one of those counted');
    expect(() => servingTarget([], specs, 2)).toThrow('loaded into something');
    expect(() => servingTarget([partition, partition], specs, 3)).toThrow('loaded once');
  });

  test('and a source refuse specifications of other tables', () => {
    const reversed = [...specs].reverse();
    expect(() => servingTarget([partition], reversed, 3)).toThrow('order of the tables');
    expect(() => servingSource(partition, specs.slice(1))).toThrow('for each table');
  });
});

describe('int8 weights that are decoded and encoded again', () => {
  test('have the scale they had, whatever the largest weight of the row', () => {
    // An even sample; all 2^24 f32 of [1, 4) were tried once, and powers of 2 change nothing while the scale is normal.
    const bits = new Int32Array(1);
    const float = new Float32Array(bits.buffer);
    const differing: number[] = [];
    for (bits[0] = 0x3f800000; bits[0] < 0x40800000; bits[0] += 61) {
      const largest = float[0]!;
      const scale = Math.fround(largest / 127);
      const decoded = Math.fround(127 * scale);
      if (Math.fround(decoded / 127) !== scale) differing.push(largest);
    }
    expect(differing).toEqual([]);
  });

  test('with a denormal scale are within half a step of what they were', () => {
    const specs = [{ slot: 0, dim: 8, compression: 'int8' as const, seed: 1 }];
    const fid = Uint32Array.of(1, 7);
    const one = Uint32Array.of(1);
    const denormal = fc.integer({ min: -20_000, max: 20_000 }).map((each) => each * 2 ** -149);
    fc.assert(
      fc.property(fc.array(denormal, { minLength: 8, maxLength: 8 }), (weights) => {
        const partition = new ServingPartition(0, specs);
        partition.assign(one, 0, fid, 0, Float32Array.from(weights), 0);
        const copy = new ServingPartition(0, specs);
        readSnapshot(
          writeSnapshot(servingSource(partition, specs), header),
          servingTarget([copy], specs, 1),
        );
        const before = new Float32Array(8);
        const after = new Float32Array(8);
        partition.lookup(one, 0, fid, 0, before, 0);
        copy.lookup(one, 0, fid, 0, after, 0);
        // A step is the largest weight / 127, at most one denormal more.
        const step = Math.max(...before.map(Math.abs)) / 127 + 2 ** -149;
        before.forEach((each, d) =>
          expect(Math.abs(after[d]! - each)).toBeLessThanOrEqual(step / 2 + 2 ** -149),
        );
      }),
      { numRuns: runs(50) },
    );
  });
});
