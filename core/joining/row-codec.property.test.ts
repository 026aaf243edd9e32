import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { columnsOfKnown, gatherRows } from '../base/columns.js';
import { codeOf } from '../base/errors.js';
import type { ImpressionFacts } from './event-facts.js';
import { factTable, factsOf, noFacts } from './event-facts.js';
import { impressionsOf, rowsOf, shape } from './join-events.testkit.js';
import {
  decodeClosedSegment,
  decodeHeld,
  encodeClosedSegment,
  encodeHeld,
  kindOf,
} from './record-codec.js';
import { decodeRow, encodeRow, rowBytesMax } from './row-codec.js';
import { SampleBuilder } from './sample-builder.js';

/** Any UTF-16, so lone surrogates and NUL too. */
const text = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((u) => String.fromCharCode(u)),
  maxLength: 12,
});
const id = fc.oneof(text, fc.string({ maxLength: 20 }));
const time = fc.integer({ min: 0, max: 2 ** 45 });
const impression = fc.record({ requestId: id, item: id, user: id, atMs: time, score: fc.float() });

const knownFacts = fc.record(
  {
    visitors: text,
    propensities: fc.float({ noNaN: true, min: 0, max: 1 }),
    places: fc.integer({ min: 1, max: 0xffff }),
    sources: fc.constantFrom('nearest', 'explore'),
    scenarios: fc.constantFrom('home', 'mail'),
    variants: fc.constantFrom('a', 'b'),
    settingsVersions: fc.integer({ min: 1, max: 0xffffffff }),
    lanes: fc.constant(1),
    models: fc.constantFrom('candidate'),
    denseVersions: fc.integer({ min: 1 }),
    positions: fc.constant('main:7'),
  },
  { requiredKeys: [] },
);
const prediction = fc.oneof(fc.float({ noNaN: true, min: 0, max: 1 }), fc.constant(NaN));

/** One fact per row; `rows` of them. */
const factsOfRows = (count: number): fc.Arbitrary<ImpressionFacts> =>
  fc
    .tuple(
      fc.array(knownFacts, { minLength: count, maxLength: count }),
      fc.option(fc.array(prediction, { minLength: count, maxLength: count }), { nil: undefined }),
    )
    .map(([known, clicks]) =>
      factsOf(
        gatherRows(
          factTable,
          known.map((each) => ({
            columns: columnsOfKnown(factTable, each as Record<string, string | number>),
            row: 0,
          })),
        ),
        clicks ? { click: Float32Array.from(clicks) } : {},
      ),
    );

const outcome = { label: 1, sampleRate: 1, acceptedAtMs: 7 };

function codeOfThrown(action: () => unknown): string {
  try {
    action();
    return 'nothing thrown';
  } catch (error) {
    return codeOf(error);
  }
}

describe('packed rows', () => {
  test('a sample made from a packed row equals the one made from its batch', () => {
    fc.assert(
      fc.property(
        fc.array(impression, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 9 }),
        (rows, lead) => {
          const batch = impressionsOf(rows);
          const sizes = rows.map((_, row) => rowBytesMax(batch, row));
          const chunk = new Uint8Array(lead + sizes.reduce((a, b) => a + b));
          const direct = new SampleBuilder(shape.slotCount, shape.denseCount);
          const packed = new SampleBuilder(shape.slotCount, shape.denseCount);
          let offset = lead;
          for (let row = 0; row < rows.length; row++) {
            const end = encodeRow(batch, row, chunk, offset);
            expect(end - offset).toBeLessThanOrEqual(sizes[row]!);
            direct.addRow(batch, row, outcome);
            packed.addPacked(chunk, decodeRow(chunk, offset), outcome);
            offset = end;
          }
          const samples = direct.take();
          expect(packed.take()).toEqual(samples);
          expect(samples.examples).toEqual(batch.examples);
          expect(rowsOf(samples).map(({ item }) => item)).toEqual(rows.map(({ item }) => item));
        },
      ),
    );
  });

  test('facts and marks come back with their rows, from a batch as from packed rows, and nothing else with them', () => {
    const rows = fc.array(impression, { minLength: 1, maxLength: 6 });
    const cases = rows.chain((list) =>
      fc.record({
        rows: fc.constant(list),
        facts: fc.oneof(fc.constant(noFacts), factsOfRows(list.length)),
        isMarked: fc.boolean(),
        plainFirst: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(cases, ({ rows, facts, isMarked, plainFirst }) => {
        const plain = impressionsOf(rows);
        const fidCount = plain.examples.fids.length / 2;
        const marks = {
          eventTypes: Uint8Array.from({ length: fidCount }, (_unused, f) => f % 256),
          agesSeconds: Float32Array.from({ length: fidCount }, (_unused, f) => f / 3),
        };
        const examples = isMarked ? { ...plain.examples, marks } : plain.examples;
        const batch = { ...plain, facts, examples };
        const bytes = new Uint8Array(rowBytesMax(batch, 0) + 1000 * rows.length);
        const direct = new SampleBuilder(shape.slotCount, shape.denseCount);
        const packed = new SampleBuilder(shape.slotCount, shape.denseCount);
        if (plainFirst) for (const builder of [direct, packed]) builder.addRow(plain, 0, outcome);
        for (let row = 0; row < rows.length; row++) {
          const end = encodeRow(batch, row, bytes, 3);
          expect(end - 3).toBeLessThanOrEqual(rowBytesMax(batch, row));
          direct.addRow(batch, row, outcome);
          packed.addPacked(bytes, decodeRow(bytes, 3), outcome);
        }
        const samples = direct.take();
        expect(packed.take()).toEqual(samples);
        if (plainFirst) return;
        expect(samples.facts).toEqual(facts);
        expect(samples.examples).toEqual(examples);
      }),
    );
  });

  test('a row that is cut short is corrupt', () => {
    fc.assert(
      fc.property(
        impression,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (row, share) => {
          const batch = impressionsOf([row]);
          const bytes = new Uint8Array(rowBytesMax(batch, 0));
          const whole = bytes.subarray(0, encodeRow(batch, 0, bytes, 0));
          const cut = whole.slice(0, Math.floor(share * whole.length));
          expect(codeOfThrown(() => decodeRow(cut, 0))).toBe('CORRUPT');
        },
      ),
    );
  });
});

describe('the other records', () => {
  test('held actions come back as they were, and cut ones are corrupt', () => {
    const held = fc.record({
      requestId: id,
      item: id,
      label: fc.constantFrom(0, 1),
      atMs: fc.double(),
      acceptedAtMs: fc.double(),
    });
    fc.assert(
      fc.property(held, (action) => {
        const bytes = encodeHeld(action);
        expect(decodeHeld(bytes)).toEqual(action);
        expect(codeOfThrown(() => decodeHeld(bytes.slice(0, -1)))).toBe('CORRUPT');
      }),
    );
  });

  test('closed segments come back as they were, and cut ones are corrupt', () => {
    const closed = fc.array(fc.tuple(id, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(closed, time, (entries, closedAtMs) => {
        const keys = entries.map(([key]) => key);
        const labels = entries.map(([, label]) => label);
        const bytes = encodeClosedSegment({ closedAtMs, keys, labels });
        expect(decodeClosedSegment(bytes)).toEqual({
          closedAtMs,
          keys,
          labels: Uint8Array.from(labels),
        });
        expect(codeOfThrown(() => decodeClosedSegment(bytes.slice(0, -1)))).toBe('CORRUPT');
      }),
    );
  });

  test('a record of no known kind is corrupt', () => {
    expect(codeOfThrown(() => kindOf(Uint8Array.of(9, 1)))).toBe('CORRUPT');
    expect(codeOfThrown(() => kindOf(new Uint8Array(0)))).toBe('CORRUPT');
  });
});
