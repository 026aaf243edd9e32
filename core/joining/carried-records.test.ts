import { describe, expect, test } from '@jest/globals';
import type { EarlierExamples } from '../features/earlier-examples.js';
import { carriedExamples } from '../features/earlier-examples.js';
import type { ExampleBatch } from '../features/example-batch.js';
import { carriedRecord } from './carried-records.js';
import { lanes, noFacts } from './event-facts.js';
import { packRow } from './open-rows.js';
import { decodeEvent, encodeEvent, type PersonEvent } from './person-event.js';
import { encodeSegment } from './record-codec.js';
import { decodeRow } from './row-codec.js';
import { decodeState, encodeState, stateBytesMax, type RowState } from './row-state.js';
import { SentContents } from './sent-contents.js';
import type { ImpressionBatch } from './types.js';
import { unpackRows } from './unpack-rows.js';

/** Three slots and two numbers, of which the first slot and the second number are gone; a slot came between, and a number behind. */
const earlier: EarlierExamples = {
  slotIds: Uint32Array.of(1, 2, 3),
  // One of two numbers: what is told, and whether it is missing.
  columnIds: Uint32Array.of(4),
  slots: Int32Array.of(1, -1, 2),
  numbers: Int32Array.of(0, -1),
  denseWidth: 2,
};
const slotCount = earlier.slots.length;
const denseCount = earlier.numbers.length;
const examples: ExampleBatch = {
  ...{ rowCount: 2, slotCount: 3, denseCount: 2 },
  offsets: Uint32Array.of(0, 1, 3, 4, 5, 5, 6),
  fids: Uint32Array.of(1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0),
  dense: Float32Array.of(0.5, 9, 0.25, 8),
};
const batch: ImpressionBatch = {
  ...{ requestIds: ['r1', 'r2'], users: ['ä', 'u'], items: ['i1', 'i2'], facts: noFacts, examples },
  atMs: Float64Array.of(1_000, 2_000),
  scores: Float32Array.of(0.5, NaN),
};
const now: ImpressionBatch = { ...batch, examples: carriedExamples(examples, earlier) };
const rowOf = (from: ImpressionBatch, row: number) =>
  unpackRows([packRow(from, row)], from.examples.slotCount, from.examples.denseCount);

describe('records of a window that has other features now', () => {
  test('an open row keeps all that is known of it', () => {
    const state: RowState = {
      ...{
        lane: lanes.live,
        person: 'somebody',
        sinceMs: 1_234,
        isShown: true,
        open: 5,
        reached: 2,
        told: 4,
      },
      values: [{ outcome: 1, order: 'o', type: 'buy', value: 3.5 }],
    };
    const packed = packRow(batch, 0);
    const stored = new Uint8Array(packed.length + stateBytesMax(state));
    stored.set(packed);
    const end = encodeState(state, 'ä', stored, packed.length);
    const carried = carriedRecord(stored.subarray(0, end), earlier);
    const { endOffset, user, ...row } = decodeRow(carried, 0);
    expect(decodeState(carried, endOffset, user)).toEqual(state);
    expect(row).toMatchObject({ requestId: 'r1', item: 'i1', slotCount, denseCount, fidCount: 3 });
    expect(unpackRows([carried.subarray(0, endOffset)], slotCount, denseCount)).toEqual(
      rowOf(now, 0),
    );
  });

  test('an event keeps its moment, and one without is the very bytes', () => {
    const event: PersonEvent = {
      ...{
        requestId: '',
        item: 'i1',
        person: 'p',
        type: 'buy',
        isPositive: true,
        order: '',
        id: 'e',
      },
      ...{ atMs: 5, acceptedAtMs: 6, value: NaN, lane: lanes.live, isIgnored: false },
      moment: { batch, from: 0, to: 2, weights: Float32Array.of(1, 0.5) },
    };
    const carried = decodeEvent(carriedRecord(encodeEvent(event), earlier), slotCount, denseCount);
    expect(carried).toMatchObject({ ...event, moment: { from: 0, to: 2 } });
    expect(carried.moment?.weights).toEqual(Float32Array.of(1, 0.5));
    expect(carried.moment?.batch.examples).toEqual(now.examples);
    const bare = encodeEvent({ ...event, moment: undefined });
    expect(carriedRecord(bare, earlier)).toBe(bare);
  });

  test('what one partition told another is read with them', () => {
    const before = new SentContents(3, 2);
    const after = new SentContents(slotCount, denseCount);
    const packed = packRow(batch, 1);
    const offer = carriedRecord(before.encode({ kind: 'offer', person: 'p', packed }), earlier);
    const found = after.decode(offer);
    expect(found).toMatchObject({ kind: 'offer', person: 'p' });
    if (found.kind === 'offer') expect(after.unpack(found.packed)).toEqual(rowOf(now, 1));
    const state = { lane: 0, sinceMs: 7, isShown: false, open: 1, reached: 0, values: undefined };
    const rows = [{ requestId: 'r2', item: 'i2', state, packed }];
    const told = before.encode({ kind: 'moved', visitor: 'v', user: 'u', atMs: 5, rows });
    const moved = after.decode(carriedRecord(told, earlier));
    if (moved.kind === 'moved') expect(after.unpack(moved.rows[0]!.packed!)).toEqual(rowOf(now, 1));
    expect(moved).toMatchObject({ kind: 'moved', visitor: 'v', user: 'u' });
  });

  test('what has no features stays byte by byte', () => {
    const segment = encodeSegment(1, {
      ...{ lane: 0, keys: ['a', 'b'], values: [1, -1], untilMs: [5, 6] },
    });
    expect(carriedRecord(segment, earlier)).toBe(segment);
  });

  test('that are damaged are refused', () => {
    const packed = packRow(batch, 0);
    expect(() => carriedRecord(packed.subarray(0, 30), earlier)).toThrow(
      expect.objectContaining({ code: 'CORRUPT' }),
    );
  });
});
