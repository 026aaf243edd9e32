import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../base/runs.testkit.js';
import { mix32 } from '../../base/hash.js';
import { digestText, emptyDigest } from '../digest.js';
import { EmbeddingTable, type TableSpec } from '../embedding-table.js';
import { arena, Arena, withoutArena } from './arena.js';

/**
 * The kernels against the TypeScript they stand for: two tables that see the same calls, one with its pages in the
 * arena and one without, answer alike and hold the same bits.
 */
function specOf(dim: number): TableSpec {
  return {
    slot: 3,
    dim,
    initializer: { kind: 'uniform', minimum: -1, maximum: 1, zeroPrefix: 1 },
    optimizer: { kind: 'adagrad', learningRate: 0.05 },
    seed: 9,
  };
}

function pairOf(dim: number, initialRows: number): readonly EmbeddingTable[] {
  const make = () => new EmbeddingTable(specOf(dim), { initialRows });
  return [make(), withoutArena(make)];
}

function digestOf(table: EmbeddingTable): string {
  const lanes = emptyDigest();
  table.addToDigest(lanes, true);
  return digestText(lanes);
}

function keysFrom(from: number, count: number): Uint32Array {
  return Uint32Array.from({ length: 2 * count }, (_unused, i) =>
    mix32((from + (i >> 1)) * 2 + (i & 1)),
  );
}

describe('a table in the arena', () => {
  test('is there at all', () => {
    expect(arena()).toBeInstanceOf(Arena);
    const [inside, outside] = pairOf(16, 20_000);
    expect([inside!.inArena, outside!.inArena]).toEqual([true, false]);
  });

  // Odd and even, below and above a vector and a cache line.
  test.each([1, 2, 3, 4, 5, 16, 17, 33, 64])(
    'answers, learns and holds as one without, at %i weights',
    (dim) => {
      const call = fc.record({
        from: fc.integer({ min: 0, max: 6_000 }),
        count: fc.integer({ min: 1, max: 700 }),
        kind: fc.constantFrom('push', 'push', 'pull', 'pull', 'remove'),
      });
      fc.assert(
        fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
          const tables = pairOf(dim, 20_000);
          expect(tables[0]!.inArena).toBe(true);
          for (const { from, count, kind } of calls) {
            const fids = keysFrom(from, count);
            const floats = Float32Array.from({ length: count * dim + 1 }, (_unused, i) =>
              Math.sin(i + from),
            );
            const answers = tables.map((table) => {
              const out = new Float32Array(count * dim + 2).fill(7);
              if (kind === 'push') table.push(fids, 0, count, floats, 1, from, 0);
              else if (kind === 'remove') table.remove(fids, 0, count);
              else table.pull(fids, 0, count, out, 1);
              return Buffer.from(out.buffer);
            });
            // Bit by bit; `expect` would look at each weight for itself, and takes most of the time of all this.
            if (!answers[0]!.equals(answers[1]!)) throw new Error(`${kind}: other answers`);
          }
          expect(digestOf(tables[0]!)).toBe(digestOf(tables[1]!));
        }),
        { numRuns: runs(8) },
      );
    },
  );

  test('grows from nothing, through its small first pages, as one without', () => {
    const [inside, outside] = pairOf(17, 0);
    expect(inside!.inArena).toBe(false);
    const grads = new Float32Array(1024 * 17).fill(0.1);
    for (let from = 0; from < 60_000; from += 1024)
      for (const table of [inside!, outside!])
        table.push(keysFrom(from, 1024), 0, 1024, grads, 0, from, 0);
    expect(inside!.inArena).toBe(true);
    expect(digestOf(inside!)).toBe(digestOf(outside!));
    inside!.verify();
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
