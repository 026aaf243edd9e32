import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeSlate, slateQuality } from './slate-quality.js';

const catalogSize = 12;
const slate = fc.record({
  items: fc.shuffledSubarray(
    Array.from({ length: catalogSize }, (_unused, i) => i),
    { minLength: 1 },
  ),
  chosen: fc
    .uniqueArray(fc.integer({ min: 0, max: catalogSize - 1 }))
    .map((items) => new Set(items)),
});

test('a slate is judged by its first k places', () => {
  fc.assert(
    fc.property(slate, fc.integer({ min: 1, max: 14 }), ({ items, chosen }, k) => {
      fc.pre(chosen.size > 0);
      const hits = items.slice(0, k).map((item) => (chosen.has(item) ? 1 : 0));
      const dcg = (gains: readonly number[]): number =>
        gains.reduce<number>((sum, gain, i) => sum + gain / Math.log2(i + 2), 0);
      const best = Array.from({ length: Math.min(k, chosen.size) }, () => 1);
      const { recall, ndcg } = judgeSlate({ items, chosen }, k);
      expect(recall).toBeCloseTo(hits.filter((hit) => hit === 1).length / chosen.size, 12);
      expect(ndcg).toBeCloseTo(dcg(hits) / dcg(best), 12);
    }),
  );
});

test('slates together cover part of the catalog, and what is shown is more or less known', () => {
  const chosen = new Set([1]);
  const of = (...slates: number[][]) =>
    slateQuality({
      slates: slates.map((items) => ({ items, chosen })),
      ...{ k: 2, catalogSize: 4, popularity: [13, 1, 1, 1] },
    });
  expect(of([0, 1, 2], [1, 0, 3])).toMatchObject({ slates: 2, recall: 1, coverage: 0.5 });
  expect(of([2, 3, 1])).toMatchObject({ recall: 0, ndcg: 0, coverage: 0.5, novelty: 4 });
  expect(of([0, 2]).novelty).toBeCloseTo((4 - Math.log2(13 / 16)) / 2, 12);
});

test('of slates after which nothing was chosen recall is not told', () => {
  const { slates, recall, coverage } = slateQuality({
    slates: [{ items: [0, 1], chosen: new Set() }],
    ...{ k: 2, catalogSize: 2, popularity: [1, 1] },
  });
  expect([slates, recall, coverage]).toEqual([0, NaN, 1]);
});
