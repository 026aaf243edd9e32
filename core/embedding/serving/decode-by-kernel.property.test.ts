import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mix32 } from '../../base/hash.js';
import { runs } from '../../base/runs.testkit.js';
import { withArenas, withoutArena } from '../kernels/arena-pool.js';
import { compressions } from './compression.js';
import { ServingTable } from './serving-table.js';

/** Weights of all sizes that fp16 and int8 treat differently: subnormal halves, zeros of both signs, what is too large. */
function weightsOf(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_unused, i) => {
    const draw = mix32(i ^ seed);
    if (draw % 13 === 0) return draw & 1 ? 0 : -0;
    return Math.sin(draw) * 10 ** ((draw % 12) - 8);
  });
}

function keysFrom(from: number, count: number): Uint32Array {
  return Uint32Array.from({ length: 2 * count }, (_unused, i) => mix32(2 * from + i));
}

const rowCount = 12_000;

test.each(compressions)(
  '%s rows decode to the same bits in an arena, in several and in none',
  (compression) => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 16, 17, 70),
        fc.constantFrom(0, 1, 3),
        fc.nat(1000),
        (dim, wanted, seed) => {
          const fp32Prefix = Math.min(dim, wanted);
          const make = () => new ServingTable({ slot: 1, dim, compression, fp32Prefix, seed });
          const tables = [withoutArena(make), make(), withArenas({ bytesMax: 3 * 2 ** 20 }, make)];
          const weights = weightsOf(rowCount * dim, seed);
          const keys = keysFrom(0, rowCount);
          const some = keysFrom(rowCount - 3_000, 4_000);
          const answers = tables.map((table) => {
            table.assign(keys, 0, rowCount, weights, 0);
            table.remove(keys, 100, 50);
            const out = new Float32Array(4_000 * dim + 1).fill(7);
            const absent = table.lookup(some, 0, 4_000, out, 1);
            return Buffer.concat([Buffer.of(absent >> 8, absent & 255), Buffer.from(out.buffer)]);
          });
          expect(answers[1]!.equals(answers[0]!)).toBe(true);
          expect(answers[2]!.equals(answers[0]!)).toBe(true);
        },
      ),
      { numRuns: runs(4) },
    );
  },
);
