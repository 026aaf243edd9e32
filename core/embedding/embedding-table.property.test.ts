import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { Buckets } from './buckets.js';
import { absentRow, CuckooIndex } from './cuckoo-index.js';
import { digestText, emptyDigest } from './digest.js';
import { EmbeddingTable, type TableSpec } from './embedding-table.js';
import { takeChanges } from './embedding-table.testkit.js';
import { RowInitializer } from './initializer.js';
import { allocateColumns, wholeColumns } from './rows.js';

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
    const step = fc.tuple(fc.constantFrom('insert', 'insert', 'remove'), key);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (operations) => {
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
      { numRuns: runs(300) },
    );
  });
});

const dim = 2;
const spec: TableSpec = {
  slot: 4,
  dim,
  initializer: { kind: 'uniform', minimum: -0.1, maximum: 0.1, zeroPrefix: 1 },
  optimizer: { kind: 'sgd', learningRate: 0.5 },
  expireAfterSeconds: 10,
  seed,
};

interface ModelRow {
  weights: number[];
  updatedAt: number;
  updates: number;
}

/** What a table means, without any of its memory. */
class TableModel {
  readonly rows = new Map<string, ModelRow>();

  read(k: Key): number[] {
    const row = this.rows.get(nameOf(k));
    if (row) return row.weights;
    const initial = new Float32Array(dim);
    const initializer = new RowInitializer(spec.initializer, spec.slot, spec.seed, dim);
    initializer.write(k[0], k[1], initial, 0, dim);
    return [...initial];
  }

  push(batch: readonly Key[], gradient: number, atSeconds: number): void {
    for (const k of batch) {
      const before = this.rows.get(nameOf(k));
      this.rows.set(nameOf(k), {
        weights: this.read(k).map((weight) => Math.fround(weight - 0.5 * gradient)),
        updatedAt: Math.max(before?.updatedAt ?? 0, atSeconds),
        updates: (before?.updates ?? 0) + 1,
      });
    }
  }

  assign(batch: readonly Key[], weight: number, atSeconds: number): void {
    const weights = new Array<number>(dim).fill(weight);
    for (const k of batch) this.rows.set(nameOf(k), { weights, updatedAt: atSeconds, updates: 7 });
  }

  remove(batch: readonly Key[]): number {
    const before = this.rows.size;
    for (const k of batch) this.rows.delete(nameOf(k));
    return before - this.rows.size;
  }

  expire(nowSeconds: number): number {
    const old = [...this.rows].filter(([, row]) => row.updatedAt < nowSeconds - 10);
    for (const [name] of old) this.rows.delete(name);
    return old.length;
  }
}

function pull(table: EmbeddingTable, batch: readonly Key[]): number[] {
  const out = new Float32Array(batch.length * dim);
  table.pull(fidsOf(batch), 0, batch.length, out, 0);
  return [...out];
}

const batch = fc.array(key, { maxLength: 8 });
const figure = fc.integer({ min: -8, max: 8 }).map((n) => n / 8);
const atSeconds = fc.integer({ min: 0, max: 40 });
const kind = fc.constantFrom(
  ...(['push', 'push', 'push', 'push', 'remove', 'sweep', 'evict', 'take'] as const),
);
const operation = fc.record({ kind, batch, figure, atSeconds });
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** A table, a follower of its changes, and the Map that says what both of them should hold. */
class Rig {
  readonly table = new EmbeddingTable(spec);
  readonly model = new TableModel();
  readonly follower = new EmbeddingTable(spec);

  run({ kind, batch, figure, atSeconds }: Operation): void {
    const { table, model } = this;
    const fids = fidsOf(batch);
    switch (kind) {
      case 'push': {
        const grads = new Float32Array(batch.length * dim).fill(figure);
        table.push(fids, 0, batch.length, grads, 0, atSeconds, 0);
        return model.push(batch, figure, atSeconds);
      }
      case 'remove':
        expect(table.remove(fids, 0, batch.length)).toBe(model.remove(batch));
        return;
      case 'sweep':
        expect(table.sweep(atSeconds, 10_000).expired).toBe(model.expire(atSeconds));
        return;
      case 'evict': {
        const before = this.#names();
        table.evict(batch.length, figure < 0 ? 'lru' : 'lfu');
        const after = this.#names();
        expect(before.size - after.size).toBe(Math.min(batch.length, before.size));
        for (const name of before) if (!after.has(name)) model.rows.delete(name);
        return;
      }
      case 'take':
        return this.#take(batch.length);
    }
  }

  /** Everything that is left to tell has been told: the follower holds what the table holds. */
  check(): void {
    const { table, model } = this;
    expect(table.rowCount).toBe(model.rows.size);
    expect(pull(table, keyPool)).toEqual(keyPool.flatMap((k) => model.read(k)));
    // One comparison for all keys, as expect is what these tests spend their time on.
    const facts = keyPool.map((k) =>
      [table.updatedAtSeconds(...k), table.updateCount(...k)].join(),
    );
    expect(facts).toEqual(
      keyPool.map((k) => {
        const row = model.rows.get(nameOf(k));
        return [row?.updatedAt, row?.updates ?? 0].join();
      }),
    );
    table.verify();
    this.#take(Infinity);
    this.follower.verify();
    expect(digestOf(this.follower)).toBe(digestOf(table));
  }

  #take(limit: number): void {
    const changes = takeChanges(this.table, limit);
    this.follower.forget(changes.evicted, 0, changes.evicted.length / 2);
    this.follower.assign(wholeColumns(changes.rows));
  }

  #names(): Set<string> {
    return keysOf(this.table.rowsFrom(0, 1_000).fids);
  }
}

function digestOf(table: EmbeddingTable): string {
  const lanes = emptyDigest();
  table.addToDigest(lanes, true);
  return digestText(lanes);
}

function keysOf(fids: Uint32Array): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i < fids.length; i += 2) names.add(nameOf([fids[i]!, fids[i + 1]!]));
  return names;
}

describe('EmbeddingTable against a Map', () => {
  test('any sequence of pushes, removals, expiry, eviction and takes; a follower agrees', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const rig = new Rig();
        for (const each of operations) rig.run(each);
        rig.check();
      }),
      { numRuns: runs(500) },
    );
  });

  test('any sequence of assignments and walks', () => {
    const step = fc.record({ batch, figure, atSeconds, remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        const table = new EmbeddingTable(spec);
        const model = new TableModel();
        for (const { batch, figure, atSeconds, remove } of steps) {
          if (remove) {
            table.forget(fidsOf(batch), 0, batch.length);
            model.remove(batch);
            continue;
          }
          const rows = allocateColumns(batch.length, table);
          rows.fids.set(fidsOf(batch));
          rows.weights.fill(figure);
          rows.updatedAt.fill(atSeconds);
          rows.updateCounts.fill(7);
          table.assign(wholeColumns(rows));
          model.assign(batch, figure, atSeconds);
        }
        expect([table.touchedCount, table.evictedCount]).toEqual([0, 0]);
        expect(keysOf(table.rowsFrom(0, 1000).fids)).toEqual(new Set(model.rows.keys()));
        expect(pull(table, keyPool)).toEqual(keyPool.flatMap((k) => model.read(k)));
        table.verify();
      }),
      { numRuns: runs(200) },
    );
  });
});
