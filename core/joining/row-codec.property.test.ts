import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { columnsOfKnown, gatherRows } from '../base/columns.js';
import { codeOf } from '../base/errors.js';
import type { ImpressionFacts } from './event-facts.js';
import { factTable, factsOf, noFacts } from './event-facts.js';
import { impressionsOf, rowsOf, shape } from './join-events.testkit.js';
import {
  decodeParts,
  decodeSegment,
  encodeParts,
  encodeSegment,
  kindOf,
  recordKind,
} from './record-codec.js';
import { decodeRow, encodeRow, rowBytesMax } from './row-codec.js';
import { decodeState, encodeState, stateBytesMax } from './row-state.js';
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

const learned = { person: 'u', known: 1, labels: [1], sampleRate: 1, acceptedAtMs: 5 };

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
          const direct = new SampleBuilder(['click'], shape.slotCount, shape.denseCount);
          const packed = new SampleBuilder(['click'], shape.slotCount, shape.denseCount);
          let offset = lead;
          for (let row = 0; row < rows.length; row++) {
            const end = encodeRow(batch, row, chunk, offset);
            expect(end - offset).toBeLessThanOrEqual(sizes[row]!);
            direct.addRow(batch, row, learned);
            packed.addPacked(chunk, decodeRow(chunk, offset), learned);
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
        const direct = new SampleBuilder(['click'], shape.slotCount, shape.denseCount);
        const packed = new SampleBuilder(['click'], shape.slotCount, shape.denseCount);
        if (plainFirst) for (const builder of [direct, packed]) builder.addRow(plain, 0, learned);
        for (let row = 0; row < rows.length; row++) {
          const end = encodeRow(batch, row, bytes, 3);
          expect(end - 3).toBeLessThanOrEqual(rowBytesMax(batch, row));
          direct.addRow(batch, row, learned);
          packed.addPacked(bytes, decodeRow(bytes, 3), learned);
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
  test('something said and rows come back as they were, and cut ones are corrupt', () => {
    const rows = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(id), rows, (said, packed) => {
        const parts = { kind: recordKind.moved, said, rows: packed };
        const bytes = encodeParts(parts);
        expect(decodeParts(bytes)).toEqual(parts);
        expect(codeOfThrown(() => decodeParts(bytes.slice(0, -1)))).toBe('CORRUPT');
      }),
    );
  });

  test('segments come back as they were, and cut ones are corrupt', () => {
    const entry = fc.tuple(id, fc.integer({ min: -1, max: 2 ** 31 }), time);
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
        const segment = {
          lane: 1,
          keys: entries.map(([key]) => key),
          values: entries.map(([, value]) => value),
          untilMs: entries.map(([, , untilMs]) => untilMs),
        };
        const bytes = encodeSegment(2, segment);
        expect(decodeSegment(bytes)).toEqual({ of: 2, ...segment });
        expect(codeOfThrown(() => decodeSegment(bytes.slice(0, -1)))).toBe('CORRUPT');
      }),
    );
  });

  test('the state of a row comes back as it was', () => {
    const value = fc.record({
      ...{ outcome: fc.nat(29), order: id, type: id },
      value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
    });
    const states = fc.record({
      ...{ lane: fc.constantFrom(0, 1), person: id, sinceMs: time, isShown: fc.boolean() },
      ...{ open: fc.nat(2 ** 30 - 1), reached: fc.nat(2 ** 30 - 1), told: fc.nat(2 ** 16 - 1) },
      values: fc.option(fc.array(value, { maxLength: 3 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(states, id, fc.nat(5), (state, user, lead) => {
        const bytes = new Uint8Array(lead + stateBytesMax(state));
        const end = encodeState(state, user, bytes, lead);
        expect(end).toBeLessThanOrEqual(bytes.length);
        expect(decodeState(bytes.subarray(0, end), lead, user)).toEqual(state);
      }),
    );
  });

  test('a record of no known kind is corrupt', () => {
    expect(codeOfThrown(() => kindOf(Uint8Array.of(99, 1)))).toBe('CORRUPT');
    expect(codeOfThrown(() => kindOf(new Uint8Array(0)))).toBe('CORRUPT');
  });
});
