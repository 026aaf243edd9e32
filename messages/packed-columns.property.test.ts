import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asFields } from './checks.js';
import { decode, encode } from './codec.js';
import { f32OfRows, f64OfRows, packed, textsIn, textsOfRows } from './column-checks.js';
import { packedPairs, unpackPairs } from './packed-pairs.js';

const sent = (column: unknown) => asFields(decode(encode({ column })), 'message');

/** As they come in batches: many alike, with much in common, in runs. */
const texts = fc.array(
  fc.oneof(
    fc.constantFrom('', 'u', 'run-17', 'run-171', 'run-\u{1f600}', 'run-\u{1f601}x'),
    fc.string({ unit: 'binary', maxLength: 12 }).map((text) => `run-${text}`),
    fc.string({ unit: 'binary', maxLength: 3 }),
  ),
  { maxLength: 60 },
);
const runs = fc
  .array(
    fc.tuple(
      fc.constantFrom('run-1', 'run-2', 'run-\u{1f600}', 'run-\u{1f601}'),
      fc.integer({ min: 1, max: 9 }),
    ),
  )
  .map((list) => list.flatMap(([text, count]) => new Array<string>(count).fill(text)));

const whole = fc.oneof(
  fc.constant(NaN),
  fc.nat(260),
  fc.nat(70_000),
  fc.integer(),
  fc.constant(-0),
);
const times = fc.oneof(
  whole,
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_400_000 }),
  fc.double(),
);

describe('packed columns', () => {
  test('of texts are read to what they were', () => {
    fc.assert(
      fc.property(fc.oneof(texts, runs), (column) => {
        const fields = sent(packed(column));
        const rows = column.length;
        expect(textsOfRows(fields, 'column', 'message', rows)).toEqual(column);
        // One entry may stand for all.
        const found = textsIn(fields['column'], rows)!;
        expect(column.map((_text, i) => found[found.length === 1 ? 0 : i])).toEqual(column);
      }),
    );
  });

  test('of numbers are read to what they were, the sign of zero and none among them', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(whole, times), { maxLength: 40 }), (list) => {
        const doubles = Float64Array.from(list);
        const rows = doubles.length;
        expect(f64OfRows(sent(packed(doubles)), 'column', 'm', rows)).toEqual(doubles);
        const singles = Float32Array.from(list);
        expect(f32OfRows(sent(packed(singles)), 'column', 'm', rows)).toEqual(singles);
      }),
    );
  });

  test('of numbers in runs are read to what they were', () => {
    const run = fc.tuple(
      fc.oneof(fc.double(), fc.constantFrom(NaN, 0, -0)),
      fc.integer({ min: 1, max: 30 }),
    );
    fc.assert(
      fc.property(fc.array(run, { maxLength: 9 }), (list) => {
        const numbers = list.flatMap(([value, count]) => new Array<number>(count).fill(value));
        const doubles = Float64Array.from(numbers);
        expect(f64OfRows(sent(packed(doubles)), 'column', 'm', doubles.length)).toEqual(doubles);
        const singles = Float32Array.from(numbers);
        expect(f32OfRows(sent(packed(singles)), 'column', 'm', singles.length)).toEqual(singles);
      }),
    );
  });

  test('of pairs are read to what they were, in their order', () => {
    const word = fc.oneof(fc.constant(0), fc.nat(5), fc.integer({ min: 0, max: 0xffffffff }));
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { maxLength: 400 }), (list) => {
        const pairs = Uint32Array.from(list.flat());
        const form = sent(packedPairs(pairs))['column'];
        const read = ArrayBuffer.isView(form) ? form : unpackPairs(asFields(form, 'm'), 'm');
        expect(read).toEqual(pairs);
      }),
    );
  });

  test('take a fraction of the bytes where rows have much in common', () => {
    const count = 256;
    const rows = Array.from({ length: count }, (_row, i) => i);
    const ids = rows.map((i) => `a1b2c3d4e5f6-${1000 + (i >> 3)}`);
    const atMs = Float64Array.from(rows, (i) => 1_700_000_000_000 + 37 * i);
    const fids = Uint32Array.from(rows.flatMap((i) => [i % 7, 0, i % 30, 0xdeadbeef]));
    const bytes = (column: unknown): number => encode(column).length;
    expect(bytes(packed(ids))).toBeLessThan(bytes(ids) / 8);
    expect(bytes(packed(atMs))).toBeLessThan(bytes(atMs) / 3);
    const accepted = Float64Array.from(rows, (i) => 1_700_000_000_000.25 + (i >> 6));
    expect(bytes(packed(accepted))).toBeLessThan(bytes(accepted) / 20);
    expect(bytes(packedPairs(fids))).toBeLessThan(bytes(fids) / 5);
  });

  test('that are damaged are refused', () => {
    const fields = (column: unknown) => asFields({ column }, 'message');
    const refused = [
      { prefix: 'a', rest: ['b'] },
      { prefix: 1, rest: ['b', 'c'] },
      { prefix: 'a', rest: ['b', 3] },
      { prefix: 'a', ends: Uint16Array.of(2, 1), rest: ['b', 'c'] },
      { prefix: 'a', ends: Uint16Array.of(0, 2), rest: ['b', 'c'] },
      { prefix: 'a', ends: Uint16Array.of(1, 9), rest: ['b', 'c'] },
      { prefix: 'a', ends: Uint16Array.of(1), rest: ['b'] },
      { prefix: 'a'.repeat(2_000), rest: ['b', 'c'] },
    ];
    for (const column of refused)
      expect(() => textsOfRows(fields(column), 'column', 'message', 2)).toThrow(/message\.column/);
    for (const column of [
      { from: 1.5, after: Uint8Array.of(1, 2) },
      { from: 1, after: Uint8Array.of(1) },
      { from: 1, after: Float32Array.of(1, 2) },
      { runs: Float32Array.of(1), ends: Uint16Array.of(2) },
      { runs: Float64Array.of(1), ends: Uint16Array.of(1) },
      { runs: Float64Array.of(1, 2), ends: Uint16Array.of(2, 2) },
      { runs: Float64Array.of(1, 2, 3), ends: Uint16Array.of(1, 0, 2) },
    ])
      expect(() => f64OfRows(fields(column), 'column', 'message', 2)).toThrow(/message\.column/);
    for (const pairs of [
      { lows: Uint32Array.of(1), highs: new Uint32Array(2), picks: Uint8Array.of(0) },
      { lows: Uint32Array.of(1), highs: new Uint32Array(0), picks: Uint8Array.of(1) },
      { lows: Uint32Array.of(1), highs: new Uint32Array(0), picks: [0] },
    ])
      expect(() => unpackPairs(asFields(pairs, 'm'), 'm.fids')).toThrow(/m\.fids/);
  });
});
