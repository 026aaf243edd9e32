import { describe, expect, test } from '@jest/globals';
import { KnownItems } from '../../actors/ranker/known-items.js';
import { CatalogPlaces } from '../../actors/recommender/catalog-places.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import type { RankBatch } from '../../messages/ranking.js';

function batchOf(items: string[], places: RankBatch['places']): RankBatch {
  const none = { requestIds: [], atMs: new Float64Array(0), contexts: [], facts: noFacts };
  return { ...none, users: items.map(() => 'u'), items, places, log: 'none' };
}

function setUp(ids: readonly string[]) {
  const catalog = new Catalog({});
  for (const id of ids) catalog.put(id, {});
  const known = new KnownItems();
  const places = new CatalogPlaces(catalog, 'life');
  return {
    ...{ catalog, known, places },
    /** As a recommender asks: with places alone first. */
    short: (items: string[]) => known.whole(batchOf([], places.of(items)))?.items,
    whole: (items: string[]) => known.whole(batchOf(items, places.of(items)))?.items,
  };
}

describe('items by their places', () => {
  test('are those that were told with their ids before, in any order', () => {
    const { short, whole } = setUp(['a', 'b', 'c', 'd']);
    expect(short(['a', 'b'])).toBeUndefined();
    expect(whole(['a', 'b', 'd'])).toEqual(['a', 'b', 'd']);
    expect(short(['d', 'a'])).toEqual(['d', 'a']);
    expect(short(['a', 'c'])).toBeUndefined();
    whole(['c']);
    expect(short(['c', 'a', 'd'])).toEqual(['c', 'a', 'd']);
  });

  test('are told anew once places are those of others', () => {
    const { catalog, places, short, whole } = setUp(['a', 'b']);
    whole(['a', 'b']);
    catalog.clear();
    expect(places.of(['b'])).toBeUndefined();
    catalog.put('b', {});
    expect(short(['b'])).toBeUndefined();
    whole(['b']);
    expect(short(['b'])).toEqual(['b']);
  });

  test('are nothing to who is told ids alone', () => {
    const { known } = setUp([]);
    const batch = batchOf(['x'], undefined);
    expect(known.whole(batch)).toBe(batch);
  });

  test('far beyond what a catalog has are not believed', () => {
    const { known } = setUp([]);
    const at = { catalog: 'c', rows: Uint32Array.of(2 ** 31) };
    expect(known.whole(batchOf(['x'], at))).toMatchObject({ items: ['x'], places: undefined });
    expect(known.whole(batchOf([], at))).toBeUndefined();
  });

  test('of more catalogs than are remembered are told anew', () => {
    const { known } = setUp([]);
    const at = (catalog: number) => ({ catalog: `${catalog}`, rows: Uint32Array.of(catalog) });
    for (let n = 0; n < 9; n++) known.whole(batchOf([`i${n}`], at(n)));
    expect(known.whole(batchOf([], at(0)))).toBeUndefined();
    expect(known.whole(batchOf([], at(8)))?.items).toEqual(['i8']);
  });
});
