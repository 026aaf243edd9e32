import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from '../core/base/errors.js';
import { decode, encode } from './codec.js';
import type { RowsDelta } from './deltas.js';
import {
  parseDeltaNumber,
  parseRows,
  parseWeights,
  rowsMessage,
  weightsMessage,
} from './deltas.js';
import {
  lookupMessage,
  parseLookup,
  parsePull,
  parsePush,
  pullMessage,
  pushMessage,
  valuesOf,
} from './parameters.js';

/** Rows grouped by partition, then by slot, each slot as wide as it is. */
const layout = fc
  .record({
    widths: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    partitions: fc.uniqueArray(fc.nat(63), { maxLength: 3 }),
  })
  .chain(({ widths, partitions }) =>
    fc.record({
      widths: fc.constant(widths),
      partitions: fc.constant(Uint32Array.from(partitions)),
      counts: fc
        .array(fc.nat(3), {
          minLength: widths.length * partitions.length,
          maxLength: widths.length * partitions.length,
        })
        .map((counts) => Uint32Array.from(counts)),
    }),
  );

const sumOf = (counts: Uint32Array) => counts.reduce((sum, count) => sum + count, 0);
const counted = (length: number) => Float32Array.from({ length }, (_unused, i) => i + 1);

describe('a push', () => {
  const cases = layout.chain(({ widths, partitions, counts }) =>
    fc.record({
      ...{ widths: fc.constant(widths), partitions: fc.constant(partitions) },
      counts: fc.constant(counts),
      squared: fc.subarray(Array.from({ length: sumOf(counts) }, (_unused, row) => row)),
    }),
  );

  /** Of each row, as plainly as it can be said. */
  function widthsOfRows(counts: Uint32Array, widths: readonly number[]): number[] {
    return [...counts].flatMap((count, i) =>
      new Array<number>(count).fill(widths[i % widths.length]!),
    );
  }

  test('comes out as it went in, with rows of any width and squares of any of them', () => {
    fc.assert(
      fc.property(cases, ({ widths, partitions, counts, squared }) => {
        const wide = widthsOfRows(counts, widths);
        const values = squared.reduce((sum, row) => sum + wide[row]!, 0);
        const push = {
          ...{ specHash: 'h', partitions, counts },
          epochs: partitions.map((partition) => partition + 1),
          fids: new Uint32Array(2 * sumOf(counts)).map((_word, i) => i),
          batches: Float64Array.of(3, 5),
          atSeconds: 7,
          gradients: counted(valuesOf(counts, widths)),
          trail: undefined,
          squares: { rows: Uint32Array.from(squared), values: counted(values) },
        };
        expect(parsePush(decode(encode(pushMessage(push))), widths)).toEqual(push);
        const plain: Partial<typeof push> = { ...push };
        delete plain.squares;
        const bytes = encode(pushMessage(plain as Omit<typeof push, 'squares'>));
        expect(parsePush(decode(bytes), widths)).toEqual(plain);
      }),
    );
  });

  test('whose squares are of rows that are not there, or out of order, is refused', () => {
    const widths = [2, 3];
    const push = {
      specHash: 'h',
      partitions: Uint32Array.of(0),
      epochs: Uint32Array.of(1),
      counts: Uint32Array.of(1, 1),
      fids: new Uint32Array(4),
      batches: Float64Array.of(3),
      atSeconds: 7,
      gradients: counted(5),
      trail: undefined,
    };
    const read = (rows: number[], length: number) => () =>
      parsePush(
        pushMessage({
          ...push,
          squares: { rows: Uint32Array.from(rows), values: counted(length) },
        }),
        widths,
      );
    expect(read([0, 1], 5)).not.toThrow();
    for (const [rows, length] of [
      [[2], 2],
      [[1, 0], 5],
      [[0, 0], 4],
      [[1], 2],
      [[0], 3],
    ] as const)
      expect(read([...rows], length)).toThrow(/push\.squared?/);
    for (const batches of [[], [0], [1.5], [NaN], [3, 4, 3]])
      expect(() =>
        parsePush(pushMessage({ ...push, batches: Float64Array.from(batches) }), widths),
      ).toThrow(/push\.batches/);
  });
});

describe('a delta', () => {
  const slots = [
    { slot: 4_000_000_000, dim: 2, stateWidth: 1 },
    { slot: 7, dim: 1, stateWidth: 0 },
    { slot: 9, dim: 3, stateWidth: 4 },
  ];
  const three = fc
    .array(fc.nat(2), { minLength: 3, maxLength: 3 })
    .map((counts) => Uint32Array.from(counts));

  function deltaOf(counts: Uint32Array, evictedCounts: Uint32Array): RowsDelta {
    const rows = sumOf(counts);
    const floats = (of: 'dim' | 'stateWidth') =>
      slots.reduce((sum, slot, s) => sum + counts[s]! * slot[of], 0);
    return {
      ...{ specHash: 'h', partition: 3, epoch: 2, deltaNumber: 9, part: 0, last: true },
      ...{ counts, evictedCounts },
      evicted: new Uint32Array(2 * sumOf(evictedCounts)).fill(5),
      fids: new Uint32Array(2 * rows).map((_word, i) => i),
      weights: counted(floats('dim')),
      state: counted(floats('stateWidth')),
      updatedAt: new Uint32Array(rows).fill(8),
      updateCounts: new Uint32Array(rows).fill(1),
      applied: Float64Array.of(9),
      ...{ resolved: 1, trail: undefined, appliedAtMs: 0, atSeconds: 8 },
    };
  }

  test('says itself which slots it has rows of, and comes out with those of the blueprint', () => {
    fc.assert(
      fc.property(three, three, (counts, evictedCounts) => {
        const delta = deltaOf(counts, evictedCounts);
        const message = rowsMessage(delta, slots);
        const named = counts.filter((count, s) => count + evictedCounts[s]! > 0);
        expect(message.slots).toHaveLength(5 * named.length);
        expect(parseRows(decode(encode(message)), slots)).toEqual(delta);
        const weights = parseWeights(decode(encode(weightsMessage(delta, slots))), slots);
        expect(delta).toMatchObject(weights);
        expect('state' in weights).toBe(false);
        expect(parseDeltaNumber(message)).toEqual({ deltaNumber: 9, last: true });
      }),
    );
  });

  test('of slots that are not there, wider, or in another order is refused as another specification', () => {
    const message = rowsMessage(deltaOf(Uint32Array.of(1, 0, 1), new Uint32Array(3)), slots);
    const codeFrom = (of: typeof slots) => {
      try {
        parseRows(message, of);
        return undefined;
      } catch (error) {
        return codeOf(error);
      }
    };
    expect(codeFrom(slots)).toBeUndefined();
    // One that it has no rows of may be missing.
    expect(codeFrom([slots[0]!, slots[2]!])).toBeUndefined();
    expect(codeFrom(slots.slice(0, 2))).toBe('SPEC_MISMATCH');
    expect(codeFrom([...slots].reverse())).toBe('SPEC_MISMATCH');
    expect(codeFrom([{ ...slots[0]!, dim: 3 }, ...slots.slice(1)])).toBe('SPEC_MISMATCH');
  });
});

test('a request of another specification is refused as that, however many slots it counts', () => {
  const request = {
    ...{ specHash: 'theirs', partitions: Uint32Array.of(0), epochs: Uint32Array.of(1) },
    ...{ counts: Uint32Array.of(1, 0, 0), fids: Uint32Array.of(1, 2) },
  };
  expect(() => parsePull(pullMessage(request), 2, 'ours')).toThrow(/specification/);
  expect(() => parsePull(pullMessage(request), 2, 'theirs')).toThrow(/counts/);
  expect(() => parseLookup(lookupMessage(request), 2, 'ours')).toThrow(/specification/);
});
