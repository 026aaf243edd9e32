import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Buckets } from './buckets.js';
import { absentRow, CuckooIndex } from './cuckoo-index.js';
import { EmbeddingTable, type TableSpec } from './embedding-table.js';
import { RowInitializer } from './initializer.js';

/**
 * Lists of operations on the real thing and on a plain Map. Keys come from a small pool, so that operations meet, and
 * the pool has the awkward ones: all zeros, all ones, sign bits, words swapped, and keys that share both buckets.
 */
type Key = readonly [low: number, high: number];

const seed = 3;
const keyPool: Key[] = [
  [0, 0],
  [0xffffffff, 0xffffffff],
  [0, 0xffffffff],
  [0xffffffff, 0],
  [0x80000000, 0],
  [0, 0x80000000],
  [1, 2],
  [2, 1],
  ...Array.from({ length: 40 }, (_, i): Key => [i + 10, 0]),
  ...sameBuckets(64, 32),
];

function sameBuckets(bucketCount: number, wanted: number): Key[] {
  const buckets = new Buckets(bucketCount, seed);
  const keys: Key[] = [];
  for (let low = 100; keys.length < wanted; low++) {
    if (buckets.firstBucket(low, 7) === 1 && buckets.secondBucket(low, 7) === 2)
      keys.push([low, 7]);
  }
  return keys;
}

const key = fc.constantFrom(...keyPool);
const nameOf = ([low, high]: Key) => `${low}:${high}`;
const fidsOf = (batch: readonly Key[]) => Uint32Array.from(batch.flat());

describe('CuckooIndex against a Map', () => {
  test('any sequence of inserts and removals', () => {
    const operation = fc.tuple(fc.constantFrom('insert', 'insert', 'remove'), key);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
        const index = new CuckooIndex({ seed });
        const model = new Map<string, number>();
        operations.forEach(([kind, chosen], row) => {
          const expected = model.get(nameOf(chosen)) ?? absentRow;
          if (kind === 'remove') {
            expect(index.remove(...chosen)).toBe(expected);
            model.delete(nameOf(chosen));
          } else if (expected === absentRow) {
            index.insert(...chosen, row);
            model.set(nameOf(chosen), row);
          }
        });
        index.verify();
        const rows = new Int32Array(keyPool.length);
        expect(index.find(fidsOf(keyPool), 0, keyPool.length, rows, 0)).toBe(model.size);
        expect([...rows]).toEqual(keyPool.map((k) => model.get(nameOf(k)) ?? absentRow));
      }),
      { numRuns: 150 },
    );
  });
});

const dim = 2;
const spec: TableSpec = {
  slot: 4,
  dim,
  initializer: { kind: 'normal', stddev: 0.1, zeroPrefix: 1 },
  optimizer: { kind: 'sgd', learningRate: 0.5 },
  seed,
};

/** What a table means, without any of its memory. */
class TableModel {
  readonly rows = new Map<string, number[]>();
  readonly touched = new Set<string>();

  read(k: Key): number[] {
    const row = this.rows.get(nameOf(k));
    if (row) return row;
    const initial = new Float32Array(dim);
    new RowInitializer(spec.initializer, spec.slot, spec.seed).write(k[0], k[1], initial, 0, dim);
    return [...initial];
  }

  push(batch: readonly Key[], gradient: number): void {
    for (const k of batch) {
      this.rows.set(
        nameOf(k),
        this.read(k).map((weight) => Math.fround(weight - 0.5 * gradient)),
      );
      this.touched.add(nameOf(k));
    }
  }

  assign(batch: readonly Key[], weight: number): void {
    for (const k of batch) this.rows.set(nameOf(k), new Array<number>(dim).fill(weight));
  }

  remove(batch: readonly Key[]): number {
    const before = this.rows.size;
    for (const k of batch) {
      this.rows.delete(nameOf(k));
      this.touched.delete(nameOf(k));
    }
    return before - this.rows.size;
  }
}

function pull(table: EmbeddingTable, batch: readonly Key[]): number[] {
  const out = new Float32Array(batch.length * dim);
  table.pull(fidsOf(batch), 0, batch.length, out, 0);
  return [...out];
}

describe('EmbeddingTable against a Map', () => {
  test('any sequence of pushes, assignments, removals and takes', () => {
    const batch = fc.array(key, { maxLength: 12 });
    const figure = fc.integer({ min: -8, max: 8 }).map((n) => n / 8);
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), batch, figure }),
      fc.record({ kind: fc.constant('assign' as const), batch, figure }),
      fc.record({ kind: fc.constant('remove' as const), batch, figure }),
      fc.record({ kind: fc.constant('take' as const), batch, figure }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const table = new EmbeddingTable(spec);
        const model = new TableModel();
        for (const step of operations) apply(table, model, step.kind, step.batch, step.figure);
        table.verify();
        expect(table.rowCount).toBe(model.rows.size);
        expect(table.touchedCount).toBe(model.touched.size);
        expect(pull(table, keyPool)).toEqual(keyPool.flatMap((k) => model.read(k)));
        const walked = table.rowsFrom(0, 1000);
        expect(keysOf(walked.fids)).toEqual(new Set(model.rows.keys()));
      }),
      { numRuns: 150 },
    );
  });
});

function apply(
  table: EmbeddingTable,
  model: TableModel,
  kind: 'push' | 'assign' | 'remove' | 'take',
  batch: readonly Key[],
  figure: number,
): void {
  const fids = fidsOf(batch);
  const floats = new Float32Array(batch.length * dim).fill(figure);
  switch (kind) {
    case 'push':
      table.push(fids, 0, batch.length, floats, 0, 1);
      model.push(batch, figure);
      return;
    case 'assign':
      table.assign(fids, 0, batch.length, floats, 0, undefined, 0, 1);
      model.assign(batch, figure);
      return;
    case 'remove':
      expect(table.remove(fids, 0, batch.length)).toBe(model.remove(batch));
      return;
    case 'take': {
      const expected = Math.min(batch.length, model.touched.size);
      const taken = table.takeTouched(batch.length);
      expect(taken.count).toBe(expected);
      const names = keysOf(taken.fids);
      expect(names.size).toBe(expected);
      for (const name of names) expect(model.touched.delete(name)).toBe(true);
    }
  }
}

function keysOf(fids: Uint32Array): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i < fids.length; i += 2) names.add(nameOf([fids[i]!, fids[i + 1]!]));
  return names;
}
