import { expect, test } from '@jest/globals';
import { changedBy, type ChangeMode } from '../../core/features/entity-change.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { ThinItems } from './thin-items.js';

/** A store of items that have five attributes each. */
function shopOf(count: number) {
  const whole = { title: 'A', url: '/a', price: 1, stock: 2, brand: 'b' };
  const items = new Map<string, RawFeatures>();
  for (let i = 0; i < count; i++) items.set(`i${i}`, whole);
  const thin = new ThinItems({
    get: (_entity, id) => items.get(id),
    view: () => ({
      sequence: 0,
      rows: () => [...items].map(([id, features]) => ({ id, since: 0, features })),
      close: () => undefined,
    }),
  });
  const tell = (id: string, told: RawFeatures, mode: ChangeMode = 'patch', erased = false) => {
    const change = { entity: 'item', mode, ids: [id], features: [told], erased: [erased] } as const;
    thin.note([{ change, sequence: 1 }]);
    if (erased) items.delete(id);
    else items.set(id, changedBy(items.get(id), told, mode));
    return thin.stats.thinItems;
  };
  return { thin, tell, whole };
}

test('an item of which a patch says only a price is told of, until it has more', () => {
  const { thin, tell, whole } = shopOf(30);
  expect(tell('i1', { price: 2 })).toBe(0);
  expect(tell('misspelt', { price: 2, stock: null })).toBe(1);
  expect(thin.stats.thinItemsExample).toBe('item "misspelt": price');
  // Again, and still no more than that.
  expect(tell('misspelt', { price: 3, stock: 7 })).toBe(1);
  expect(thin.stats.thinItemsExample).toBe('item "misspelt": price, stock');
  expect(tell('misspelt', { title: 'It is one' })).toBe(0);
  expect(tell('other', { price: 1 })).toBe(1);
  expect(tell('other', {}, 'patch', true)).toBe(0);
  // Who says all there is, or much, means it.
  expect(tell('plain', { price: 1 }, 'replace')).toBe(0);
  expect(tell('new', whole)).toBe(0);
});

test('a shop that has just begun knows what is usual with its next records', () => {
  const { tell, whole } = shopOf(0);
  for (let i = 0; i < 25; i++) expect(tell(`i${i}`, whole)).toBe(0);
  expect(tell('misspelt', { price: 2 })).toBe(1);
});

test('where there are few items nobody knows what is usual', () => {
  const { tell } = shopOf(5);
  expect(tell('new', { price: 2 })).toBe(0);
});
