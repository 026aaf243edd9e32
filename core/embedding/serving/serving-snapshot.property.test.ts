import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { partitionOf } from '../../base/fid.js';
import { readSnapshot } from '../snapshot/reader.js';
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

const changes = fc.array(
  fc.record({
    slot: fc.integer({ min: 0, max: 1 }),
    key: fc.integer({ min: 0, max: 400 }),
    weight: fc.option(fc.float({ min: -2, max: 2, noNaN: true }), { nil: undefined }),
  }),
  { maxLength: 200 },
);

function change(partition: ServingPartition, { slot, key, weight }: Change): void {
  const counts = Uint32Array.from([0, 1], (each) => (each === slot ? 1 : 0));
  const fid = Uint32Array.of(key, 7);
  if (weight === undefined) partition.remove(counts, 0, fid, 0);
  else {
    const weights = new Float32Array(partition.tables[slot]!.dim).fill(weight);
    weights[0] = -weight;
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
        const { rowsAssigned } = readSnapshot(chunks, servingTarget([copy], specs, 1));
        expect(rowsAssigned).toBe(copy.rowCount);
        const made = during.slice(0, during.length - pending.length);
        for (const each of made) change(copy, each);
        copy.verify();
        expect(copy.rowCount).toBe(partition.rowCount);
        if (form !== 'int8') expect(copy.digest()).toBe(partition.digest());
      }),
      { numRuns: 30 },
    );
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
