import { expect, test } from '@jest/globals';
import { Catalog } from '../../core/retrieval/catalog.js';
import { CatalogTarget } from './catalog-target.js';

function setUp() {
  const catalog = new Catalog({});
  const target = new CatalogTarget(catalog);
  const limits = { max: 99, popular: 0, recent: 99, start: 0 };
  const newestFirst = () =>
    catalog.candidates({ exclude: new Set(), fits: undefined, nowMs: 0 }, limits).join(' ');
  return { catalog, target, newestFirst };
}

const rows = (...items: readonly (readonly [id: string, since: number])[]) => ({
  entity: 'item' as const,
  ids: items.map(([id]) => id),
  features: items.map(([id]) => ({ name: id })),
  since: Float64Array.from(items, ([, since]) => since),
});

test('items of a snapshot stand in the order in which they were first told of, whatever the chunks', () => {
  const { target, newestFirst, catalog } = setUp();
  target.add(rows(['a', 30], ['b', 10]));
  target.add(rows(['c', 20], ['d', 40]));
  expect(catalog.size).toBe(0);
  target.restored(45);
  expect([newestFirst(), target.sequence]).toEqual(['d a c b', 45]);
  target.take({ entity: 'item', ids: ['b', 'e'], features: [{}, {}] }, 46);
  expect([newestFirst(), target.sequence]).toEqual(['e d a c b', 46]);
  target.take(undefined, 47);
  expect(target.sequence).toBe(47);
});

test('nothing is left of what was there before a snapshot', () => {
  const { target, newestFirst } = setUp();
  target.take({ entity: 'item', ids: ['gone'], features: [{}] }, 1);
  target.add(rows(['half', 1]));
  target.reset();
  expect(target.sequence).toBe(0);
  target.add(rows(['a', 5]));
  target.restored(9);
  expect(newestFirst()).toBe('a');
});
