import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../base/runs.testkit.js';
import { mix32 } from '../../base/hash.js';
import { digestText, emptyDigest } from '../digest.js';
import { EmbeddingTable, type TableSpec } from '../embedding-table.js';
import { takeChanges, type TableChanges } from '../embedding-table.testkit.js';
import type { OptimizerSpec } from '../optimizers/optimizer.js';
import { ArenaPool, withArenas, withoutArena } from './arena-pool.js';
import { Arena } from './arena.js';

/**
 * The kernels against the TypeScript they stand for: tables that see the same calls, one with its pages in an arena, one
 * without and one whose rows are in several arenas, answer alike and hold the same bits.
 */
function specOf(dim: number, optimizer: OptimizerSpec = adagrad): TableSpec {
  return {
    slot: 3,
    dim,
    initializer: { kind: 'uniform', minimum: -1, maximum: 1, zeroPrefix: 1 },
    optimizer,
    expireAfterSeconds: 600,
    seed: 9,
  };
}

const adagrad: OptimizerSpec = { kind: 'adagrad', learningRate: 0.05 };

const optimizers: readonly OptimizerSpec[] = [
  { kind: 'sgd', learningRate: 0.05 },
  { kind: 'momentum', learningRate: 0.02 },
  { kind: 'momentum', learningRate: 0.02, momentum: 0.8, nesterov: true },
  { kind: 'adagrad', learningRate: 0.05, clip: 0.5, clipNorm: 0.9, weightDecay: 0.01 },
  { kind: 'adagrad', learningRate: 0.05, weightDecay: 0.01, weightDecayKind: 'l2' },
  { kind: 'adagrad', learningRate: 0.05, accumulates: 'examples', firstOrderRate: 0.2, clip: 0.5 },
  { kind: 'adam', learningRate: 0.01, schedule: { warmUpSteps: 9_000 } },
  { kind: 'amsgrad', learningRate: 0.01 },
  { kind: 'rmsprop', learningRate: 0.01 },
  { kind: 'rmsprop', learningRate: 0.01, momentum: 0.7 },
  { kind: 'adadelta', learningRate: 1 },
  { kind: 'ftrl', learningRate: 0.1, l1: 0.05, l2: 0.01 },
  { kind: 'ftrl', learningRate: 0.1, beta: 0 },
  { kind: 'group-ftrl', learningRate: 0.1, l1: 0.02, l2: 0.01, groupLasso: 0.1 },
  { kind: 'group-adagrad', learningRate: 0.05, beta: 0.1, groupLasso: 0.1 },
  { kind: 'group-adagrad', learningRate: 0.05 },
];

/** Room for one page of rows each. */
const smallArenas = { bytesMax: 4 * 2 ** 20 };

function tablesOf(dim: number, initialRows: number, optimizer?: OptimizerSpec) {
  const make = () => new EmbeddingTable(specOf(dim, optimizer), { initialRows });
  return [make(), withoutArena(make), withArenas(smallArenas, make)] as const;
}

type Tables = ReturnType<typeof tablesOf>;

interface Call {
  readonly from: number;
  readonly count: number;
  readonly kind: 'push' | 'pull' | 'remove' | 'take' | 'evict' | 'sweep';
}

const call: fc.Arbitrary<Call> = fc.record({
  from: fc.integer({ min: 0, max: 6_000 }),
  count: fc.integer({ min: 1, max: 2_100 }),
  kind: fc.constantFrom(
    ...(['push', 'push', 'push', 'pull', 'pull', 'remove', 'take', 'evict', 'sweep'] as const),
  ),
});

/** The same call to each table; throws where they answer differently, to the bit. */
function callEach(tables: Tables, { from, count, kind }: Call): void {
  const { dim } = tables[0];
  const fids = keysFrom(from, count);
  fids.copyWithin(2 * (count >> 1), 0, 2); // A key that comes twice.
  // Now and then a zero, and sizes from 10^-3 to 10.
  const floats = Float32Array.from({ length: count * dim + 1 }, (_unused, i) =>
    i % 11 === 0 ? 0 : Math.sin(i + from) * 10 ** ((i % 5) - 3),
  );
  // Others than those of the floats, every second time.
  const squares = from % 2 === 0 ? floats.map((value) => Math.abs(value) / 3) : undefined;
  const answers = tables.map((table) => {
    if (kind === 'take') return bytesOf(takeChanges(table, count));
    const out = new Float32Array(count * dim + 2).fill(7);
    if (kind === 'push') table.push(fids, 0, count, floats, 1, from, from, squares);
    else if (kind === 'remove') table.remove(fids, 0, count);
    else if (kind === 'evict') table.evict(count >> 3, 'lru');
    else if (kind === 'sweep') table.sweep(from + 500, 4_000);
    else table.pull(fids, 0, count, out, 1);
    return Buffer.from(out.buffer);
  });
  // Bit by bit; `expect` would look at each weight for itself, and takes most of the time of all this.
  for (const answer of answers)
    if (!answer.equals(answers[0]!)) throw new Error(`${kind}: other answers`);
}

function bytesOf({ evicted, rows }: TableChanges): Buffer {
  const { fids, weights, state, updatedAt, updateCounts } = rows;
  const columns = [evicted, fids, weights, state, updatedAt, updateCounts];
  return Buffer.concat(columns.map((column) => Buffer.from(column.buffer)));
}

function digestOf(table: EmbeddingTable): string {
  const lanes = emptyDigest();
  table.addToDigest(lanes, true);
  return digestText(lanes);
}

function expectSame(tables: readonly EmbeddingTable[]): void {
  const [first, ...others] = tables.map(digestOf);
  for (const other of others) expect(other).toBe(first);
}

function keysFrom(from: number, count: number): Uint32Array {
  return Uint32Array.from({ length: 2 * count }, (_unused, i) =>
    mix32((from + (i >> 1)) * 2 + (i & 1)),
  );
}

describe('a table in the arena', () => {
  test('is there at all, and in several where one has no room for its rows', () => {
    const tables = tablesOf(16, 40_000);
    expect(tables.map(({ arenaCount }) => arenaCount)).toEqual([1, 0, 5]);
  });

  // Odd and even, below and above a vector and a cache line.
  test.each([1, 2, 3, 4, 5, 16, 17, 33, 64])(
    'answers, learns and holds as one without, at %i weights',
    (dim) => {
      fc.assert(
        fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
          const tables = tablesOf(dim, 20_000);
          expect(tables.map((table) => table.arenaCount)).toEqual([1, 0, expect.any(Number)]);
          for (const each of calls) callEach(tables, each);
          expectSame(tables);
        }),
        { numRuns: runs(5) },
      );
    },
  );

  test.each(optimizers)('learns as one without, by %j', (optimizer) => {
    fc.assert(
      fc.property(fc.constantFrom(1, 7, 16), fc.array(call, { maxLength: 8 }), (dim, calls) => {
        const tables = tablesOf(dim, 8_192, optimizer);
        expect(tables[0].arenaCount).toBe(1);
        for (const each of calls) callEach(tables, each);
        expectSame(tables);
      }),
      { numRuns: runs(4) },
    );
  });

  test('grows from nothing, through its small first pages and past its first arena, as one without', () => {
    const tables = tablesOf(17, 0);
    expect(tables.map(({ arenaCount }) => arenaCount)).toEqual([0, 0, 0]);
    const grads = new Float32Array(1024 * 17).fill(0.1);
    for (let from = 0; from < 60_000; from += 1024)
      for (const table of tables) table.push(keysFrom(from, 1024), 0, 1024, grads, 0, from, 0);
    expect(tables.map(({ arenaCount }) => arenaCount)).toEqual([1, 0, expect.any(Number)]);
    expect(tables[2].arenaCount).toBeGreaterThan(2);
    expectSame(tables);
    for (const table of tables) table.verify();
  });

  test('finds its keys where the index has outgrown its arena', () => {
    // The largest index that has room beside a page of rows in 4 MiB is far below that of 60,000 keys.
    const make = () => new EmbeddingTable(specOf(1), { initialRows: 0 });
    const tables = [withoutArena(make), withArenas({ bytesMax: 2 ** 20 }, make)];
    const grads = new Float32Array(1024).fill(0.1);
    const out = tables.map(() => new Float32Array(1024));
    for (let from = 0; from < 60_000; from += 1024)
      for (const table of tables) table.push(keysFrom(from, 1024), 0, 1024, grads, 0, from, 0);
    for (const [t, table] of tables.entries())
      table.pull(keysFrom(30_000, 1024), 0, 1024, out[t]!, 0);
    expect(out[0]).toEqual(out[1]);
    expect(digestOf(tables[0]!)).toBe(digestOf(tables[1]!));
  });
});

describe('the arena', () => {
  test('gives zeroed memory at cache lines, and takes back what is no longer used', () => {
    const own = new Arena();
    const first = own.allocate(1000)!;
    expect([first.address % 64, first.bytes]).toEqual([0, 1024]);
    new Uint8Array(own.buffer, first.address, first.bytes).fill(9);
    own.release(first);
    const again = own.allocate(1024)!;
    expect(again.address).toBe(first.address);
    expect(new Uint8Array(own.buffer, again.address, again.bytes).every((b) => b === 0)).toBe(true);
    expect(own.allocate(1024)!.address).not.toBe(first.address);
  });

  test('says so when it is full, and views from before it grew stay valid', () => {
    const own = new Arena();
    const view = new Uint32Array(own.buffer, own.allocate(64)!.address, 16).fill(5);
    const big = own.allocate(64 * 2 ** 20)!;
    view[0] = 6;
    expect(new Uint32Array(own.buffer, view.byteOffset, 16)[0]).toBe(6);
    expect(big.address + big.bytes).toBeLessThanOrEqual(own.buffer.byteLength);
    expect(own.allocate(2 ** 32)).toBeUndefined();
    expect(own.allocate(64)).toBeDefined();
  });
});

describe('a pool of arenas', () => {
  test('opens the next when the share for rows is used, and uses again what is given back', () => {
    const pool = new ArenaPool({ bytesMax: 2 ** 20, arenasMax: 2 });
    const half = 2 ** 19;
    const [first, second] = [pool.allocateRows(half)!, pool.allocateRows(half)!];
    expect(second.arena).not.toBe(first.arena);
    expect(pool.allocateRows(half)).toBeUndefined();
    pool.release(first, 'rows');
    expect(pool.allocateRows(half)).toEqual(first);
    // The other half is for an index.
    expect(pool.allocateIn(first.arena, 2 ** 18, 'index')).toBeDefined();
    expect(pool.allocateRows(half + 1)).toBeUndefined();
  });

  test('of none gives none', () => {
    const pool = new ArenaPool({ arenasMax: 0 });
    expect([pool.home(), pool.allocateRows(64)]).toEqual([undefined, undefined]);
  });
});
