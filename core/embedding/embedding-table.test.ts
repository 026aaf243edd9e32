import { describe, expect, test } from '@jest/globals';
import { EmbeddingTable, type TableSpec } from './embedding-table.js';
import { takeChanges } from './embedding-table.testkit.js';
import { RowInitializer } from './initializer.js';
import { allocateColumns, wholeColumns } from './rows.js';

const dim = 3;
const spec: TableSpec = {
  slot: 2,
  dim,
  initializer: { kind: 'uniform', minimum: -1, maximum: 1, zeroPrefix: 1 },
  optimizer: { kind: 'adagrad', learningRate: 0.1, initialAccumulator: 0.5 },
  seed: 11,
};

/** Keys 1 … count, high word 5. */
function keys(count: number, from = 1): Uint32Array {
  const fids = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) fids.set([from + i, 5], 2 * i);
  return fids;
}

function initialRow(low: number, high: number): number[] {
  const out = new Float32Array(dim);
  new RowInitializer(spec.initializer, spec.slot, spec.seed, dim).write(low, high, out, 0, dim);
  return [...out];
}

function pull(table: EmbeddingTable, fids: Uint32Array): number[] {
  const out = new Float32Array((fids.length / 2) * dim);
  table.pull(fids, 0, fids.length / 2, out, 0);
  return [...out];
}

function pushOnes(table: EmbeddingTable, fids: Uint32Array, atSeconds = 1): void {
  table.push(
    fids,
    0,
    fids.length / 2,
    new Float32Array((fids.length / 2) * dim).fill(1),
    0,
    atSeconds,
    0,
  );
}

describe('EmbeddingTable', () => {
  test('a pull reads the initial value of an absent row and inserts nothing', () => {
    const table = new EmbeddingTable(spec);
    expect(pull(table, keys(2))).toEqual([...initialRow(1, 5), ...initialRow(2, 5)]);
    expect(table.rowCount).toBe(0);
    expect(table.touchedCount).toBe(0);
  });

  test('a push inserts the row at its initial value and applies one step to it', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(1));
    const step = 0.1 / Math.sqrt(1.5 + 1e-8);
    const row = pull(table, keys(1));
    initialRow(1, 5).forEach((value, d) => expect(row[d]).toBeCloseTo(value - step, 6));
    expect([...takeChanges(table).rows.state]).toEqual([1.5, 1.5, 1.5]);
  });

  test('batches may begin anywhere in their arrays and be longer than an inner block', () => {
    const table = new EmbeddingTable(spec);
    const count = 1000;
    const fids = keys(count + 3);
    const grads = new Float32Array((count + 5) * dim).map((_, i) => i);
    table.push(fids, 3, count, grads, 5 * dim, 1, 0);
    expect(table.rowCount).toBe(count);
    const single = new EmbeddingTable(spec);
    for (let i = 0; i < count; i++) single.push(fids, 3 + i, 1, grads, (5 + i) * dim, 1, 0);
    expect(pull(table, fids)).toEqual(pull(single, fids));
    const out = new Float32Array((count + 1) * dim);
    table.pull(fids, 3, count, out, dim);
    expect([...out.subarray(dim)]).toEqual(pull(single, fids).slice(3 * dim));
    table.verify();
  });

  test('a fid twice in one batch gets both gradients and one row', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, Uint32Array.of(1, 5, 1, 5));
    const twice = new EmbeddingTable(spec);
    pushOnes(twice, keys(1));
    pushOnes(twice, keys(1));
    expect(table.rowCount).toBe(1);
    expect(pull(table, keys(1))).toEqual(pull(twice, keys(1)));
    expect(table.updateCount(1, 5)).toBe(2);
  });

  test('arrays that are too short are refused before anything is changed', () => {
    const table = new EmbeddingTable(spec);
    expect(() => table.push(keys(2), 0, 2, new Float32Array(2 * dim - 1), 0, 1, 0)).toThrow(
      'assertion',
    );
    expect(() => table.push(keys(2), 1, 2, new Float32Array(2 * dim), 0, 1, 0)).toThrow(
      'assertion',
    );
    expect(() => table.pull(keys(2), 0, 2, new Float32Array(2 * dim), 1)).toThrow('assertion');
    expect(table.rowCount).toBe(0);
  });

  test('event time of a row only moves forward, and updates are counted', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(1), 3_000_000_000);
    pushOnes(table, keys(1), 2_000_000_000);
    expect(table.updatedAtSeconds(1, 5)).toBe(3_000_000_000);
    expect(table.updateCount(1, 5)).toBe(2);
    expect(table.updatedAtSeconds(2, 5)).toBeUndefined();
    expect(table.updateCount(2, 5)).toBe(0);
  });

  test('removed rows read as absent, and their memory is used again without a trace of what was there', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(500), 9);
    expect(table.remove(keys(600), 0, 600)).toBe(500);
    const { bytes } = table;
    expect(takeChanges(table).evicted.length).toBe(1000);
    expect(table.rowCount).toBe(0);
    expect(table.touchedCount).toBe(0);
    expect(pull(table, keys(1))).toEqual(initialRow(1, 5));
    pushOnes(table, keys(500, 1001), 4);
    expect(table.bytes).toBe(bytes);
    const fresh = new EmbeddingTable(spec);
    pushOnes(fresh, keys(500, 1001), 4);
    expect(pull(table, keys(500, 1001))).toEqual(pull(fresh, keys(500, 1001)));
    expect(takeChanges(table).rows.state).toEqual(takeChanges(fresh).rows.state);
    expect([table.updatedAtSeconds(1001, 5), table.updateCount(1001, 5)]).toEqual([4, 1]);
    table.verify();
  });

  test('touched rows are taken once, first touched first, and the rest stays for the next take', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(5));
    pushOnes(table, keys(5));
    expect(table.touchedCount).toBe(5);
    expect([...takeChanges(table, 2).rows.fids]).toEqual([1, 5, 2, 5]);
    pushOnes(table, keys(1));
    table.remove(keys(1, 4), 0, 1);
    const { evicted, rows } = takeChanges(table);
    expect([...evicted]).toEqual([4, 5]);
    expect([...rows.fids]).toEqual([3, 5, 5, 5, 1, 5]);
    expect([...rows.weights.subarray(0, dim)]).toEqual(pull(table, keys(1, 3)));
    expect([...rows.updateCounts]).toEqual([2, 2, 3]);
    expect(takeChanges(table)).toMatchObject({ rows: { count: 0 } });
    expect([table.touchedCount, table.evictedCount]).toEqual([0, 0]);
  });

  test('a key that goes and comes back is told gone and then there', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(2));
    takeChanges(table);
    table.remove(keys(1), 0, 1);
    pushOnes(table, keys(1));
    const first = takeChanges(table, 1);
    expect([[...first.evicted], first.rows.count]).toEqual([[1, 5], 0]);
    expect([...takeChanges(table, 1).rows.fids]).toEqual([1, 5]);
  });

  test('a follower that assigns what was taken holds the same rows and learns on alike', () => {
    const owner = new EmbeddingTable(spec);
    const follower = new EmbeddingTable(spec);
    pushOnes(owner, keys(300));
    pushOnes(owner, keys(50));
    follower.assign(wholeColumns(takeChanges(owner).rows));
    expect(follower.touchedCount).toBe(0);
    pushOnes(owner, keys(400));
    pushOnes(follower, keys(400));
    expect(pull(follower, keys(400))).toEqual(pull(owner, keys(400)));
    expect(follower.updateCount(1, 5)).toBe(3);
  });

  test('weights assigned without state keep the state of a known row and start a new one afresh', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(1));
    const columns = allocateColumns(2, table);
    columns.fids.set(keys(2));
    columns.weights.set([1, 2, 3, 4, 5, 6]);
    columns.updateCounts.fill(1);
    table.assign(wholeColumns({ ...columns, state: undefined }));
    expect(pull(table, keys(2))).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...table.rowsFrom(0, 9).state]).toEqual([1.5, 1.5, 1.5, 0.5, 0.5, 0.5]);
  });

  test('a walk in pages returns every row that lives through it once, whatever comes and goes meanwhile', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(1000));
    const seen = new Map<number, number>();
    let cursor: number | undefined = 0;
    for (let step = 0; cursor !== undefined; step++) {
      const page = table.rowsFrom(cursor, 70);
      expect(page.count).toBeLessThanOrEqual(70);
      expect([...page.weights]).toEqual(pull(table, page.fids));
      for (let i = 0; i < page.count; i++)
        seen.set(page.fids[2 * i]!, (seen.get(page.fids[2 * i]!) ?? 0) + 1);
      table.remove(keys(20, 1 + 40 * step), 0, 20);
      if (step < 5) pushOnes(table, keys(200, 5000 + 200 * step));
      cursor = page.nextCursor;
    }
    for (let key = 1; key <= 1000; key++) {
      const removed = table.updatedAtSeconds(key, 5) === undefined;
      if (!removed) expect(seen.get(key)).toBe(1);
    }
    expect(Math.max(...seen.values())).toBe(1);
    expect(new EmbeddingTable(spec).rowsFrom(0, 10)).toMatchObject({
      count: 0,
      nextCursor: undefined,
    });
  });

  test('a fid below its threshold reads its initial value and leaves no row and no state', () => {
    const table = new EmbeddingTable({ ...spec, admission: { kind: 'exact', occurrences: 3 } });
    // Known and unknown fids in one block: 1 has its row after three pushes, the others come twice.
    for (let i = 0; i < 3; i++) pushOnes(table, keys(1, 7));
    expect(table.rowCount).toBe(1);
    for (let i = 0; i < 2; i++) pushOnes(table, keys(9, 3));
    expect(table.rowCount).toBe(1);
    expect(pull(table, keys(1, 3))).toEqual(initialRow(3, 5));
    expect(table.updateCount(7, 5)).toBe(3);
    pushOnes(table, keys(2, 3));
    expect([table.updateCount(3, 5), table.updateCount(4, 5), table.rowCount]).toEqual([1, 1, 3]);
    table.verify();
  });

  test('a sweep removes what was not updated for its time, a bounded number of rows at a time', () => {
    const table = new EmbeddingTable({ ...spec, expireAfterSeconds: 100 });
    pushOnes(table, keys(1000), 1_000);
    pushOnes(table, keys(500, 501), 1_050);
    expect(table.sweep(1_100, 1_000)).toEqual({ visited: 1_000, expired: 0, finished: true });
    let expired = 0;
    for (let i = 0; i < 4; i++) expired += table.sweep(1_101, 250).expired;
    expect(expired).toBe(500);
    expect(table.rowCount).toBe(500);
    expect(table.updateCount(501, 5)).toBe(2);
    expect(takeChanges(table).evicted.length).toBe(2 * 500);
    expect(new EmbeddingTable(spec).sweep(1e9, 10)).toEqual({
      visited: 0,
      expired: 0,
      finished: true,
    });
    table.verify();
  });

  test.each(['lru', 'lfu'] as const)(
    'eviction by %s takes nearly only the rows that are worth least',
    (policy) => {
      const table = new EmbeddingTable(spec);
      // The higher the key, the newer and the more often updated.
      for (let round = 0; round < 10; round++)
        pushOnes(table, keys(1000 - 100 * round, 1 + 100 * round), round);
      expect(table.evict(200, policy)).toBe(200);
      const { evicted } = takeChanges(table);
      const ranks = Array.from({ length: 200 }, (_, i) => evicted[2 * i]!);
      expect(ranks.filter((key) => key <= 400).length).toBeGreaterThan(190);
      expect(Math.max(...ranks)).toBeLessThan(800);
      expect(table.rowCount).toBe(800);
      table.verify();
      const again = new EmbeddingTable(spec);
      for (let round = 0; round < 10; round++)
        pushOnes(again, keys(1000 - 100 * round, 1 + 100 * round), round);
      again.evict(200, policy);
      expect(takeChanges(again).evicted).toEqual(evicted);
    },
  );

  test('eviction of more than there is leaves an empty table', () => {
    const table = new EmbeddingTable(spec);
    pushOnes(table, keys(3));
    expect(table.evict(10, 'lru')).toBe(3);
    expect(table.rowCount).toBe(0);
  });

  test('an empty table is small, and room made at the start is not made again', () => {
    expect(new EmbeddingTable(spec).bytes).toBeLessThan(2048);
    const table = new EmbeddingTable(spec, { initialRows: 10_000 });
    const before = table.bytes;
    pushOnes(table, keys(10_000));
    // Only the touched queue, 5 bytes a row, has grown.
    expect(table.bytes - before).toBeLessThan(10 * 16_384);
  });
});
