import { describe, expect, test } from '@jest/globals';
import { CatalogDraws, NegativeDraws } from './negative-draws.js';

/** Each tenth in turn. */
function tenths(): { next: () => number } {
  let n = 0;
  return { next: () => (n++ % 10) / 10 };
}

describe('items that an event is learned against', () => {
  test('are those of the newest events, as often as they are there, and never its own', () => {
    const draws = new NegativeDraws(4, tenths());
    expect(draws.draw(3, 'x')).toEqual([]);
    draws.seed(['x', 'y']);
    expect(draws.draw(3, 'x')).toEqual(['y']);
    for (const item of ['a', 'b', 'c', 'd']) draws.note(item);
    draws.seed(['late']);
    expect(draws.draw(9, 'c').sort()).toEqual(['a', 'b', 'd']);
    expect(draws.draw(2, 'c')).toHaveLength(2);
  });

  test('of the catalog are all alike', () => {
    const items = ['a', 'b', 'c', 'd'];
    const draws = new CatalogDraws({ size: 4, idAt: (place) => items[place] }, tenths());
    expect(draws.draw(9, 'a').sort()).toEqual(['b', 'c', 'd']);
    expect(new CatalogDraws({ size: 0, idAt: () => undefined }, tenths()).draw(3, 'a')).toEqual([]);
  });
});
