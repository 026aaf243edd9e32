import { describe, expect, test } from '@jest/globals';
import type { DrawnItem } from './negative-draws.js';
import { CatalogDraws, drawnWeightMax, NegativeDraws } from './negative-draws.js';

/** Each tenth in turn. */
function tenths(): { next: () => number } {
  let n = 0;
  return { next: () => (n++ % 10) / 10 };
}

const itemsOf = (drawn: readonly DrawnItem[]): string[] => drawn.map(({ item }) => item).sort();

describe('items that an event is learned against', () => {
  test('are those of the newest events, as often as they are there, and never its own', () => {
    const draws = new NegativeDraws(4, tenths());
    expect(draws.draw(3, 'x')).toEqual([]);
    draws.seed(['x', 'y']);
    expect(draws.draw(3, 'x')).toEqual([{ item: 'y', weight: 3 }]);
    for (const item of ['a', 'b', 'c', 'd']) draws.note(item);
    draws.seed(['late']);
    expect(itemsOf(draws.draw(9, 'c'))).toEqual(['a', 'b', 'd']);
  });

  test('of the catalog are all alike', () => {
    const items = ['a', 'b', 'c', 'd'];
    const draws = new CatalogDraws({ placeCount: 4, idAt: (place) => items[place] }, tenths());
    expect(itemsOf(draws.draw(9, 'a'))).toEqual(['b', 'c', 'd']);
    expect(
      new CatalogDraws({ placeCount: 0, idAt: () => undefined }, tenths()).draw(3, 'a'),
    ).toEqual([]);
  });

  test('weigh as if all had been as likely, however popular they are', () => {
    const random = new SeededDraws();
    const draws = new NegativeDraws(100, random);
    for (let i = 0; i < 100; i++) draws.note(i < 70 ? 'hit' : i < 90 ? 'known' : `rare${i % 5}`);
    const sums = new Map<string, number>();
    const events = 20_000;
    for (let i = 0; i < events; i++)
      for (const { item, weight } of draws.draw(4, 'known'))
        sums.set(item, (sums.get(item) ?? 0) + weight);
    expect([...sums.keys()].sort()).toEqual(['hit', 'rare0', 'rare1', 'rare2', 'rare3', 'rare4']);
    for (const sum of sums.values()) expect(sum / events).toBeCloseTo(4 / 6, 1);
  });

  test('count for no more than a bound, and what is no longer recent is forgotten', () => {
    const draws = new NegativeDraws(1000, new SeededDraws());
    draws.note('old');
    for (let i = 0; i < 1000; i++) draws.note(i === 500 ? 'rare' : 'hit');
    const weights = new Map<string, number>();
    for (let i = 0; i < 2000; i++)
      for (const { item, weight } of draws.draw(4, '')) weights.set(item, weight);
    expect([...weights.keys()].sort()).toEqual(['hit', 'rare']);
    expect(weights.get('rare')).toBe(drawnWeightMax);
  });
});

/** A linear congruence: the same numbers in each run. */
class SeededDraws {
  #state = 1;

  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
