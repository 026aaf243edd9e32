import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../base/runs.testkit.js';
import { compressions, type Compression } from './compression.js';
import { ServingTable, type ServingPage } from './serving-table.js';

type Key = readonly [low: number, high: number];
type ChangeOf<T> = T extends fc.Arbitrary<infer U> ? U : never;

const nameOf = ([low, high]: Key) => `${low}:${high}`;
const fidsOf = (batch: readonly Key[]) => Uint32Array.from(batch.flat());

const f32 = fc.float({ noNaN: true, noDefaultInfinity: true });
/** Rows of one magnitude, from denormal to huge, with zeros of both signs in them. */
const row = fc
  .tuple(
    fc.constantFrom(2 ** -149, 2 ** -140, 2 ** -126, 1e-30, 2 ** -24, 1e-5, 0.01, 1, 1e4, 1e30),
    fc.array(
      fc.oneof(
        fc.float({ min: -1, max: 1, noNaN: true }),
        fc.integer({ min: -300, max: 300 }),
        fc.constantFrom(0, -0),
      ),
      { minLength: 1, maxLength: 24 },
    ),
  )
  .map(([scale, weights]) => weights.map((weight) => Math.fround(weight * scale)));
const anyRow = fc.oneof(row, fc.array(f32, { minLength: 1, maxLength: 24 }));

function throughTable(compression: Compression, weights: readonly number[], fp32Prefix = 0) {
  const spec = { slot: 1, dim: weights.length, compression, fp32Prefix, seed: 3 };
  const table = new ServingTable(spec);
  const fid = Uint32Array.of(5, 6);
  table.assign(fid, 0, 1, Float32Array.from(weights), 0);
  const out = new Float32Array(weights.length);
  expect(table.lookup(fid, 0, 1, out, 0)).toBe(0);
  return { out, saturated: table.saturatedCount };
}

describe('error bounds', () => {
  test('fp32 is exact, to the sign of zero', () => {
    fc.assert(
      fc.property(anyRow, (weights) => {
        const { out, saturated } = throughTable('fp32', weights);
        expect(saturated).toBe(0);
        weights.forEach((weight, d) => expect(Object.is(out[d], weight)).toBe(true));
      }),
    );
  });

  test('fp16: 2^-11 relative, 2^-25 below 2^-14, the largest half beyond', () => {
    fc.assert(
      fc.property(anyRow, (weights) => {
        const { out, saturated } = throughTable('fp16', weights);
        expect(saturated).toBe(weights.filter((weight) => Math.abs(weight) >= 65520).length);
        weights.forEach((weight, d) => {
          const magnitude = Math.abs(weight);
          if (magnitude >= 65504) expect(out[d]).toBe(Math.sign(weight) * 65504);
          else
            expect(Math.abs(out[d]! - weight)).toBeLessThanOrEqual(
              Math.max(magnitude * 2 ** -11, 2 ** -25),
            );
        });
      }),
      { numRuns: runs(200) },
    );
  });

  test('int8: half a scale, whatever the magnitude; the prefix exactly', () => {
    fc.assert(
      fc.property(anyRow, fc.nat({ max: 3 }), (weights, wanted) => {
        const prefix = Math.min(wanted, weights.length);
        const { out } = throughTable('int8', weights, prefix);
        const rest = weights.slice(prefix);
        const largest = Math.max(0, ...rest.map(Math.abs));
        if (largest > 2 ** 127) return;
        // The stored scale is max / 127 to the nearest f32, or the next among denormals; the product is rounded again.
        const scale = largest / 127 + 2 ** -149 + (largest / 127) * 2 ** -23;
        const bound = scale / 2 + largest * 2 ** -24 + 2 ** -150;
        for (let d = 0; d < prefix; d++) expect(Object.is(out[d], weights[d])).toBe(true);
        rest.forEach((weight, d) =>
          expect(Math.abs(out[prefix + d]! - weight)).toBeLessThanOrEqual(bound),
        );
      }),
      { numRuns: runs(200) },
    );
  });

  test('what was decoded is encoded again without loss, but for a rounding of the int8 scale', () => {
    fc.assert(
      fc.property(fc.constantFrom(...compressions), row, (compression, weights) => {
        const once = throughTable(compression, weights).out;
        const twice = throughTable(compression, [...once]).out;
        if (compression !== 'int8') expect(twice).toEqual(once);
        // A scale may come out one rounding apart.
        else
          once.forEach((weight, d) =>
            expect(Math.abs(twice[d]! - weight)).toBeLessThanOrEqual(
              Math.abs(weight) * 2 ** -21 + 2 ** -148 * 64,
            ),
          );
      }),
    );
  });
});

describe('a walk over a ServingTable that is changed between pages', () => {
  const change = fc.record({
    removes: fc.boolean(),
    keys: fc.array(fc.integer({ min: 0, max: 260 }), { maxLength: 30 }),
    weight: fc.integer({ min: -127, max: 127 }),
  });
  const dim = 2;

  /** 127 in each row makes the scale of int8 1, so that integers are exact in every form. */
  function apply(table: ServingTable, model: Map<number, number>, each: ChangeOf<typeof change>) {
    const fids = Uint32Array.from(each.keys.flatMap((key) => [key, 9]));
    if (each.removes) {
      table.remove(fids, 0, each.keys.length);
      for (const key of each.keys) model.delete(key);
      return;
    }
    const weights = each.keys.flatMap(() => [127, each.weight]);
    table.assign(fids, 0, each.keys.length, Float32Array.from(weights), 0);
    for (const key of each.keys) model.set(key, each.weight);
  }

  test('gives a row that lives through it once, and every row as it is at that moment', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...compressions),
        fc.integer({ min: 1, max: 40 }),
        fc.array(change, { maxLength: 6 }),
        fc.array(change, { maxLength: 20 }),
        (compression, limit, before, during) => {
          const table = new ServingTable({ slot: 1, dim, compression, seed: 3 });
          const model = new Map<number, number>();
          const keys = Array.from({ length: 200 }, (_unused, i) => i);
          for (const each of [{ removes: false, keys, weight: 5 }, ...before])
            apply(table, model, each);
          const survivors = new Set(model.keys());
          const seen = new Map<number, number>();
          const pending = [...during];
          for (let cursor: number | undefined = 0; cursor !== undefined;) {
            const page: ServingPage = table.rowsFrom(cursor, limit, (count) => ({
              fids: new Uint32Array(2 * count),
              weights: new Float32Array(dim * count),
            }));
            expect(page.count).toBeLessThanOrEqual(limit);
            for (let i = 0; i < page.count; i++) {
              const key = page.fids[2 * i]!;
              const weight = page.weights[dim * i + 1]! + 0;
              // `expect` for each row takes most of the time of this test.
              if (weight !== model.get(key)! + 0)
                throw new Error(`${key} is ${weight}, not ${model.get(key)}`);
              seen.set(key, (seen.get(key) ?? 0) + 1);
            }
            cursor = page.nextCursor;
            const next = pending.shift();
            if (!next) continue;
            apply(table, model, next);
            // What is removed after the last page was still there for the walk.
            if (next.removes && cursor !== undefined)
              for (const key of next.keys) survivors.delete(key);
          }
          expect([...survivors].filter((key) => seen.get(key) !== 1)).toEqual([]);
          table.verify();
        },
      ),
      { numRuns: runs(40) },
    );
  });
});

describe('ServingTable against a Map', () => {
  const keyPool: Key[] = [
    [0, 0],
    [0xffffffff, 0xffffffff],
    [0x80000000, 0],
    [0, 0x80000000],
    ...Array.from({ length: 300 }, (_, i): Key => [i, 1]),
  ];
  const batch = fc.array(fc.constantFrom(...keyPool), { maxLength: 150 });
  const dim = 3;

  test('any sequence of assignments and removals', () => {
    const operation = fc.tuple(
      fc.constantFrom('assign' as const, 'assign' as const, 'remove' as const),
      batch,
      fc.integer({ min: -127, max: 127 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...compressions),
        fc.array(operation, { maxLength: 12 }),
        (compression, operations) => {
          const table = new ServingTable({ slot: 1, dim, compression, seed: 3 });
          const model = new Map<string, number>();
          for (const [kind, keys, weight] of operations) {
            const fids = fidsOf(keys);
            if (kind === 'assign') {
              // 127 in each row makes the scale of int8 1, so that integers are exact in every form.
              const weights = Float32Array.from({ length: dim * keys.length }, (_, i) =>
                i % dim === 0 ? 127 : weight,
              );
              table.assign(fids, 0, keys.length, weights, 0);
              for (const k of keys) model.set(nameOf(k), weight);
              continue;
            }
            const before = model.size;
            for (const k of keys) model.delete(nameOf(k));
            expect(table.remove(fids, 0, keys.length)).toBe(before - model.size);
          }
          table.verify();
          expect(table.rowCount).toBe(model.size);
          const out = new Float32Array(dim * keyPool.length);
          const absent = table.lookup(fidsOf(keyPool), 0, keyPool.length, out, 0);
          expect(absent).toBe(keyPool.length - model.size);
          const expected = keyPool.flatMap((k) => {
            const weight = model.get(nameOf(k));
            return weight === undefined ? [0, 0, 0] : [127, weight, weight];
          });
          expect(Array.from(out, (weight) => weight + 0)).toEqual(expected.map((w) => w + 0));
        },
      ),
      { numRuns: runs(60) },
    );
  });
});
