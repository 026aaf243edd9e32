import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import type { FeaturesRequest } from '../../messages/features.js';
import { noneKept } from '../../messages/features.js';
import { parseRecommend } from '../../messages/public.js';
import { ItemFilters } from './item-filters.js';

const deadline = { share: (part: number, msMax: number) => Math.min(msMax, 1_000 * part) };

function setUp(answer: Record<string, unknown> | null | Error = null) {
  const asked: FeaturesRequest[] = [];
  const filters = new ItemFilters({
    scope: {
      item: { price: 'number', genres: 'list' },
      user: { town: 'text' },
      context: { hour: 'number' },
    },
    nowMs: () => 0,
    ask: async (request) => {
      asked.push(request);
      if (answer instanceof Error) throw answer;
      return { sequence: 0, users: [answer], items: [], kept: noneKept, lately: [] };
    },
  });
  const of = (request: object) =>
    filters.of(
      parseRecommend({ user: 'u', ...request }, { kMax: 10, candidatesMax: 10 }),
      deadline,
    );
  return { of, asked };
}

describe('the filter of a request', () => {
  test('is none, values by attribute, or an expression', async () => {
    const { of, asked } = setUp();
    expect(await of({})).toBeUndefined();
    const values = await of({ filter: { genres: ['a', 'b'], price: '5' } });
    expect(values!.fits('i', { genres: ['b'], price: 5 })).toBe(true);
    expect(values!.fits('i', { genres: ['c'], price: 5 })).toBe(false);
    const text = await of({ filter: 'item.price < 6 && context.hour > 3', context: { hour: '4' } });
    expect(text!.fits('i', { price: 5 })).toBe(true);
    expect(text!.fits('i', {})).toBe(false);
    expect([...text!.missing]).toEqual([['item.price', 1]]);
    expect(asked).toEqual([]);
  });

  test('asks what is known of the user where it is about him', async () => {
    const { of, asked } = setUp({ town: 'Kiel', age: 3 });
    const filter = await of({ filter: 'user.town == "Kiel"' });
    expect([filter!.fits('i', {}), filter!.degraded]).toEqual([true, false]);
    expect(asked).toEqual([{ users: ['u'], items: [], attributes: ['town'] }]);
  });

  test('does without him where nobody says it in time, and tells that', async () => {
    const { of } = setUp(new StarlingError('TIMEOUT', 'late'));
    const filter = await of({ filter: 'user.town == "Kiel"' });
    expect([filter!.fits('i', {}), filter!.degraded]).toEqual([false, true]);
    expect([...filter!.missing]).toEqual([['user.town', 1]]);
  });

  test('is refused where it names what is not declared, in both forms', async () => {
    const { of } = setUp();
    const words = /item\.genre(, column 1)?: no such attribute; nearest: genres/;
    await expect(of({ filter: { genre: 'a' } })).rejects.toThrow(words);
    await expect(of({ filter: '"a" in item.genre' })).rejects.toThrow(/nearest: genres/);
    expect(() => of({ filter: { price: { min: 1 } } })).toThrow(/expression such as 'item.price/);
  });
});
