import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from '../core/base/errors.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { decode, encode } from './codec.js';
import { asFields } from './checks.js';
import { exampleColumns, examplesOf } from './example-columns.js';

const spec = {
  hash: 'h',
  slotIds: Uint32Array.of(11, 4_000_000_000),
  columnIds: Uint32Array.of(5),
  denseWidth: 1,
};
const slotCount = spec.slotIds.length;

const rows = fc.array(
  fc.record({
    counts: fc.array(
      fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, fc.integer({ min: 250, max: 300 })),
      {
        minLength: slotCount,
        maxLength: slotCount,
      },
    ),
    dense: fc.float({ noNaN: true }),
  }),
  { maxLength: 12 },
);

function batchOf(list: { counts: number[]; dense: number }[], isMarked: boolean): ExampleBatch {
  const offsets = [0];
  for (const count of list.flatMap(({ counts }) => counts)) offsets.push(offsets.at(-1)! + count);
  const total = offsets.at(-1)!;
  const marks = {
    eventTypes: Uint8Array.from({ length: total }, (_unused, f) => f % 256),
    agesSeconds: Float32Array.from({ length: total }, (_unused, f) => (f % 3 === 0 ? NaN : f)),
  };
  return {
    rowCount: list.length,
    slotCount,
    denseCount: 1,
    offsets: Uint32Array.from(offsets),
    fids: Uint32Array.from({ length: 2 * total }, (_unused, i) => i),
    dense: Float32Array.from(list, ({ dense }) => dense),
    ...(isMarked && total > 1 ? { marks } : {}),
  };
}

const wired = (batch: ExampleBatch) =>
  asFields(decode(encode({ examples: exampleColumns(batch, spec) })), 'samples');

describe('examples in a message', () => {
  test('come out with the offsets and marks they went in with, long slots too', () => {
    fc.assert(
      fc.property(rows, fc.boolean(), (list, isMarked) => {
        const batch = batchOf(list, isMarked);
        const read = examplesOf(wired(batch), 'examples', 'samples', { spec, rows: list.length });
        expect(read).toEqual(batch);
      }),
    );
  });

  test('of other slots, or of these in another order, are refused', () => {
    const fields = wired(batchOf([{ counts: [1, 1], dense: 0 }], false));
    const other = { ...spec, slotIds: spec.slotIds.slice().reverse() };
    for (const wrong of [other, { ...spec, columnIds: Uint32Array.of(6) }]) {
      let code: string | undefined;
      try {
        examplesOf(fields, 'examples', 'samples', { spec: wrong, rows: 1 });
      } catch (error) {
        code = codeOf(error);
      }
      expect(code).toBe('SPEC_MISMATCH');
    }
  });

  test('whose counts do not add up to the fids are refused', () => {
    const examples = exampleColumns(batchOf([{ counts: [1, 2], dense: 0 }], false), spec);
    const read = (change: object) => () =>
      examplesOf({ examples: { ...examples, ...change } }, 'examples', 'samples', {
        spec,
        rows: 1,
      });
    expect(read({})).not.toThrow();
    for (const change of [
      { counts: Uint8Array.of(1, 3) },
      { counts: Uint8Array.of(3) },
      { counts: Uint32Array.of(1, 2) },
      { fids: new Uint32Array(5) },
      { dense: new Float32Array(0) },
      { marks: { eventTypes: new Uint8Array(2), agesSeconds: Float32Array.of(1) } },
      { marks: { eventTypes: Uint8Array.of(1), agesSeconds: new Float32Array(0) } },
      { marks: undefined },
    ])
      expect(read(change)).toThrow(/samples\.examples/);
  });

  test('of a few bytes do not become as many rows as they say', () => {
    const alike = Array.from({ length: 8 }, () => ({ counts: [1, 1], dense: 0 }));
    const examples = exampleColumns(batchOf(alike, false), spec);
    expect(examples.counts).toEqual({ each: Uint8Array.of(1, 1), told: new Uint8Array(0) });
    const read = (change: object) => () =>
      examplesOf({ examples: { ...examples, ...change } }, 'examples', 'samples', {
        ...{ spec, rows: 8 },
      });
    expect(read({})).not.toThrow();
    for (const each of [Uint8Array.of(0, 0), Uint8Array.of(1, 2), Uint8Array.of(1)])
      expect(read({ counts: { each, told: new Uint8Array(0) } })).toThrow(/counts/);
    expect(read({ counts: { each: Uint8Array.of(1, 255), told: new Uint8Array(7) } })).toThrow(
      /counts/,
    );
  });

  test('with more occurrences in a slot than travel are refused by whoever writes', () => {
    const total = 70_000;
    const batch = { ...batchOf([], false), rowCount: 1, dense: new Float32Array(1) };
    const long = {
      ...batch,
      offsets: Uint32Array.of(0, total, total),
      fids: new Uint32Array(2 * total),
    };
    expect(() => exampleColumns(long, spec)).toThrow(/70000 occurrences/);
  });
});
