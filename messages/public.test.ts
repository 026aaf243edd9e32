import { describe, expect, test } from '@jest/globals';
import type { StarlingError } from '../core/base/errors.js';
import { parse, parseRank, parseRecommend, publicEvent } from './public.js';

const limits = { kMax: 50, candidatesMax: 3 };

/** Code and field of a refusal. */
function refusal(work: () => unknown): [string, unknown] | undefined {
  try {
    work();
  } catch (error) {
    const { code, details } = error as StarlingError;
    return [code, details['field']];
  }
  return undefined;
}

describe('a request by hand', () => {
  test('needs a user and no more, and takes ids as numbers', () => {
    expect(parseRecommend({ user: 42, later: 'ignored' }, limits)).toEqual({
      ...{ user: '42', k: 10, context: {}, exclude: { items: [] }, log: true },
    });
    expect(parseRank({ user: 'u', candidates: [7, '8'] }, limits).candidates).toEqual(['7', '8']);
  });

  test.each<[string, object, string]>([
    ['no user', {}, 'user'],
    ['an empty user', { user: '' }, 'user'],
    ['k of 0', { user: 'u', k: 0 }, 'recommend.k'],
    ['k beyond the limit', { user: 'u', k: 51 }, 'recommend.k'],
    ['k that is no number', { user: 'u', k: '5' }, 'k'],
    ['too many candidates', { user: 'u', candidates: [1, 2, 3, 4] }, 'recommend.candidates'],
    ['a context that is no map', { user: 'u', context: [1] }, 'context'],
    ['a filter of maps', { user: 'u', filter: { genres: {} } }, 'filter'],
  ])('with %s is refused by its field', (_what, request, field) => {
    expect(refusal(() => parseRecommend(request, limits))).toEqual(['BAD_REQUEST', field]);
  });

  test('to rank nothing, or too much, is refused', () => {
    for (const candidates of [[], [1, 2, 3, 4]])
      expect(refusal(() => parseRank({ user: 'u', candidates }, limits))?.[0]).toBe('BAD_REQUEST');
  });
});

describe('an event by hand', () => {
  const read = (kind: keyof typeof publicEvent, value: unknown) =>
    parse<unknown>(publicEvent[kind], value, kind, 'BAD_EVENT');

  test('has defaults for what is not said', () => {
    expect(read('action', { requestId: 'r', item: 7 })).toEqual({
      ...{ requestId: 'r', item: '7', label: 1, context: {} },
    });
    expect(read('impression', { requestId: 'r', user: 1, item: 2 })).toMatchObject({
      ...{ user: '1', item: '2', context: {} },
    });
  });

  test.each(['NaN', '\\N', 'NULL', 'NA', 'None', '-', '', ' ', null, NaN])(
    'a number of an event that looks like nothing is not told: %p',
    (nothing) => {
      const told = { user: 'u', item: 'i', type: 'purchase' };
      const event = read('event', { ...told, value: nothing, quantity: nothing });
      expect(event).toEqual(read('event', told));
    },
  );

  test('a currency may be missing too, and a word is no number', () => {
    const told = { user: 'u', item: 'i' };
    expect(read('event', { ...told, currency: 'NULL' })).toEqual(read('event', told));
    expect(() => read('event', { ...told, value: 'much' })).toThrow(/value/);
  });

  test.each<[keyof typeof publicEvent, object, string]>([
    ['action', { requestId: 'r' }, 'item'],
    ['action', { requestId: 'r', item: 1, label: 2 }, 'label'],
    ['action', { requestId: 'r', item: 1, timestamp: 1.7e15 }, 'timestamp'],
    ['action', { requestId: 'r', item: 1, timestamp: '30.2.2026' }, 'timestamp'],
    ['impression', { requestId: 'r', user: 1, item: 2, score: 2 }, 'score'],
    ['impression', { requestId: '', user: 1, item: 2 }, 'requestId'],
    ['features', { entity: 'shop', id: 1, features: {} }, 'entity'],
    ['features', { entity: 'item', id: 1 }, 'features'],
  ])('%s: %j is refused by its field', (kind, event, field) => {
    expect(refusal(() => read(kind, event))).toEqual(['BAD_EVENT', field]);
  });

  test('may have its time in seconds, in milliseconds, or as ISO 8601', () => {
    for (const timestamp of [1.7e9, 1.7e12, '1700000000', '2023-11-14T22:13:20Z'])
      expect(read('action', { requestId: 'r', item: 1, timestamp })).toMatchObject({
        timestamp: 1.7e9,
      });
  });

  test('may have an empty list for an empty map, as PHP writes it', () => {
    const shown = { requestId: 'r', user: 1, item: 2, context: [] };
    expect(read('impression', shown)).toMatchObject({ context: {} });
    expect(read('features', { entity: 'item', id: 1, features: [] })).toMatchObject({
      features: {},
    });
    const request = parseRecommend({ user: 'u', context: [], filter: [] }, limits);
    expect(request).toMatchObject({ context: {}, filter: {} });
  });

  test('says what was wrong with it in words', () => {
    expect(() => read('action', { requestId: 'r', item: 1, label: 2 })).toThrow(
      /action\.label: expected 0 or 1; got 2/,
    );
  });
});
