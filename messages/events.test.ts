import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../core/base/errors.js';
import { selectExamples } from '../core/features/example-batch.js';
import { noActionFacts, noFacts } from '../core/joining/event-facts.js';
import { decode, encode } from './codec.js';
import type { Moment } from '../core/joining/types.js';
import type { Actions, Impressions } from './events.js';
import {
  actionsMessage,
  advanceMessage,
  impressionsMessage,
  parseActions,
  parseAdvance,
  parseImpressions,
  selectActions,
  selectImpressions,
} from './events.js';
import { labelsOfRows, outcomesOf } from './outcomes.js';
import type { Samples } from './samples.js';
import { concatSamples, parseSamples, samplesMessage } from './samples.js';

const spec = {
  hash: 'h',
  slotIds: Uint32Array.of(7),
  columnIds: new Uint32Array(0),
  denseWidth: 0,
};
const atMs = 1.7e12;

/** A slate: one request, one user, many items. */
function slate(items: string[]): Impressions {
  const count = items.length;
  return {
    requestIds: items.map(() => 'r'),
    users: items.map(() => 'u'),
    items,
    atMs: new Float64Array(count).fill(atMs),
    scores: Float32Array.from(items, (_item, i) => i / 8),
    facts: noFacts,
    examples: {
      ...{ rowCount: count, slotCount: 1, denseCount: 0 },
      offsets: Uint32Array.from({ length: count + 1 }, (_unused, i) => i),
      fids: Uint32Array.from({ length: 2 * count }, (_unused, i) => i),
      dense: new Float32Array(0),
    },
  };
}

const placed = (batch: Impressions) => ({
  ...batch,
  facts: { ...noFacts, places: Uint16Array.from(batch.items, (_item, i) => i + 1) },
});

const actions: Actions = {
  requestIds: ['r', 's'],
  items: ['a', 'b'],
  atMs: Float64Array.of(atMs, atMs + 1),
  labels: Float32Array.of(1, 0),
  acceptedAtMs: Float64Array.of(atMs, atMs),
  facts: { ...noActionFacts, types: ['view', 'purchase'] },
};

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

describe('impressions', () => {
  test('of one slate say its request, user and time once, and are read row by row', () => {
    const batch = slate(['a', 'b', 'c']);
    const message = impressionsMessage(spec, batch);
    const once = [message.requestIds, message.users, message.atMs];
    expect(once).toEqual([['r'], ['u'], Float64Array.of(atMs)]);
    expect(parseImpressions(decode(encode(message)), spec)).toEqual(batch);
    expect(parseImpressions(impressionsMessage(spec, slate([])), spec)).toEqual(slate([]));
  });

  test('that know nothing more than that are told by one comparison', () => {
    const read = parseImpressions(decode(encode(impressionsMessage(spec, slate(['a'])))), spec);
    expect(read.facts).toBe(noFacts);
  });

  test('of some rows keep the facts of those', () => {
    const picked = selectImpressions(placed(slate(['a', 'b', 'c'])), [2, 0]);
    expect(picked.items).toEqual(['c', 'a']);
    expect([...picked.facts.places]).toEqual([3, 1]);
    expect([...picked.examples.fids]).toEqual([4, 5, 0, 1]);
    expect(selectImpressions(slate(['a', 'b']), [1]).facts).toBe(noFacts);
  });

  test.each<[string, object, string]>([
    ['of another specification', { specHash: 'other' }, 'SPEC_MISMATCH'],
    ['with fewer items than rows', { items: ['a', 'b'] }, 'BAD_MESSAGE'],
    ['with two users for three rows', { users: ['u', 'w'] }, 'BAD_MESSAGE'],
    ['without a time', { atMs: Float64Array.of(atMs, NaN, atMs) }, 'BAD_MESSAGE'],
    ['with a row count that is none', { rowCount: 2 ** 30 }, 'BAD_MESSAGE'],
    [
      'with facts of another type',
      { facts: { ...noFacts, places: Uint8Array.of(1) } },
      'BAD_MESSAGE',
    ],
    [
      'with predictions of too few rows',
      { facts: { ...noFacts, predictions: { click: new Float32Array(2) } } },
      'BAD_MESSAGE',
    ],
    ['of the release before', { v: 1 }, 'UNSUPPORTED_VERSION'],
  ])('%s are refused', (_what, change, code) => {
    const message = impressionsMessage(spec, slate(['a', 'b', 'c']));
    expect(codeFrom(() => parseImpressions({ ...message, ...change }, spec))).toBe(code);
  });
});

const momentOf = (items: string[]): Moment => ({
  items,
  ends: Uint32Array.from(items, (_item, i) => i + 1),
  examples: slate(items).examples,
});

describe('actions', () => {
  test('of some rows keep what they bring along', () => {
    const picked = selectActions({ ...actions, moment: momentOf(['a', 'b']) }, [1]);
    expect(picked).toMatchObject({ items: ['b'], facts: { types: ['purchase'], orders: [''] } });
    expect(picked.moment!.examples.rowCount).toBe(1);
  });

  test('with features of the moment before are held to the specification, others are not', () => {
    const organic = actionsMessage({ ...actions, moment: momentOf(['a', 'b']) }, spec);
    const other = { ...spec, hash: 'other' };
    expect(codeFrom(() => parseActions(organic, other))).toBe('SPEC_MISMATCH');
    expect(parseActions(actionsMessage(actions), other)).toEqual(actions);
  });

  test('with what they are learned against come back with it, picked or not', () => {
    const items = ['a', 'x', 'y', 'b', 'z'];
    const moment = { items, ends: Uint32Array.of(3, 5), examples: slate(items).examples };
    const organic = { ...actions, moment };
    const message = actionsMessage(organic, spec);
    expect(parseActions(message, spec)).toEqual(organic);
    expect(selectActions(organic, [1]).moment).toEqual({
      ...{ items: ['b', 'z'], ends: Uint32Array.of(2) },
      examples: selectExamples(moment.examples, [3, 4]),
    });
    const ends = (...of: number[]) => ({ moment: { items, ends: Uint32Array.from(of) } });
    for (const change of [ends(3), ends(4, 3), ends(3, 4), { moment: { items } }])
      expect(codeFrom(() => parseActions({ ...message, ...change }, spec))).toBe('BAD_MESSAGE');
  });

  test('with a label that is none are refused', () => {
    const message = actionsMessage({ ...actions, labels: Float32Array.of(1, 0.5) });
    expect(codeFrom(() => parseActions(message, spec))).toBe('BAD_MESSAGE');
  });
});

test('an advance of a lane that there is not is refused', () => {
  const message = advanceMessage({ watermarkMs: 5, lane: 1 });
  expect(parseAdvance(message)).toEqual({ watermarkMs: 5, lane: 1 });
  expect(codeFrom(() => parseAdvance({ ...message, lane: 2 }))).toBe('BAD_MESSAGE');
  expect(codeFrom(() => parseAdvance({ ...message, watermarkMs: 'soon' }))).toBe('BAD_MESSAGE');
});

describe('samples', () => {
  const samplesOf = (
    items: string[],
    labels: number[],
    change: Partial<Samples> = {},
  ): Samples => ({
    ...slate(items),
    specHash: 'h',
    resolved: items.length + 1,
    outcomes: outcomesOf(Float32Array.from(labels)),
    sampleRates: new Float32Array(items.length).fill(1),
    acceptedAtMs: new Float64Array(items.length).fill(atMs),
    progress: {},
    ...change,
  });

  test('of several batches are one step, with masks and weights as each batch says', () => {
    const first = samplesOf(['a', 'b'], [1, 0]);
    const click = {
      labels: Float32Array.of(1),
      masks: Uint8Array.of(0),
      weights: Float32Array.of(2),
    };
    const second = samplesOf(['c'], [1], { outcomes: { click } });
    const both = concatSamples([first, second]);
    expect(both).toMatchObject({ items: ['a', 'b', 'c'], resolved: 5 });
    expect([...both.outcomes['click']!.labels]).toEqual([1, 0, 1]);
    expect([...labelsOfRows(both.outcomes, ['click'], 3).weights]).toEqual([1, 1, 0]);
    const several = labelsOfRows(both.outcomes, ['other', 'click'], 3);
    expect([...several.labels]).toEqual([0, 1, 0, 0, 0, 0]);
    expect([...several.weights]).toEqual([0, 1, 0, 1, 0, 0]);
    expect([...both.outcomes['click']!.weights]).toEqual([1, 1, 2]);
    expect(both.facts).toBe(noFacts);
    const renamed = { ...samplesOf(['d'], [1]), outcomes: outcomesOf(Float32Array.of(1), 'view') };
    const mixed = concatSamples([first, renamed]);
    expect([...labelsOfRows(mixed.outcomes, ['view'], 3).weights]).toEqual([0, 0, 1]);
    expect([...labelsOfRows(mixed.outcomes, ['click'], 3).weights]).toEqual([1, 1, 0]);
    const alike = concatSamples([first, samplesOf(['c'], [1])]);
    expect(alike.outcomes['click']!.weights).toHaveLength(1);
    const told = concatSamples([
      first,
      { ...samplesOf(['c'], [1]), facts: placed(slate(['c'])).facts },
    ]);
    expect([...told.facts.places]).toEqual([0, 0, 1]);
  });

  test.each<[string, object]>([
    ['without the outcome there is', { outcomes: {} }],
    [
      'with a weight below 0',
      {
        outcomes: {
          click: {
            labels: Float32Array.of(1),
            masks: Uint8Array.of(1),
            weights: Float32Array.of(-1),
          },
        },
      },
    ],
    ['with a mark of progress that is none', { progress: { main: 'far' } }],
    ['with labels of too few rows', { outcomes: outcomesOf(new Float32Array(2)) }],
  ])('%s are refused', (_what, change) => {
    const message = samplesMessage(spec, samplesOf(['a', 'b', 'c'], [1, 0, 0]));
    expect(parseSamples(decode(encode(message)), spec).items).toEqual(['a', 'b', 'c']);
    expect(codeFrom(() => parseSamples({ ...message, ...change }, spec))).toBe('BAD_MESSAGE');
  });
});
