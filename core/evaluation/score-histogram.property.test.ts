import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { columnsOf, someRows } from './evaluation.testkit.js';
import { Judge } from './quality.js';
import { ScoreHistogram } from './score-histogram.js';

test('a histogram of scores has sums that are exact, and bounds that hold', () => {
  fc.assert(
    fc.property(someRows, (rows) => {
      const exact = new Judge(columnsOf(rows)).quality();
      fc.pre(Number.isFinite(exact.auc));
      const histogram = new ScoreHistogram();
      for (const { score, label, weight } of rows) histogram.add(score, label, weight);
      expect(histogram.logloss).toBeCloseTo(exact.logloss, 9);
      expect(histogram.calibration).toBeCloseTo(exact.calibration, 9);
      expect(histogram.normalisedEntropy).toBeCloseTo(exact.normalisedEntropy, 9);
      for (const [bounded, value] of [
        [histogram.auc, exact.auc],
        [histogram.averagePrecision, exact.prAuc],
      ] as const) {
        expect(bounded.low).toBeLessThanOrEqual(value + 1e-9);
        expect(bounded.high).toBeGreaterThanOrEqual(value - 1e-9);
        expect(bounded.value).toBeGreaterThanOrEqual(bounded.low - 1e-9);
        expect(bounded.value).toBeLessThanOrEqual(bounded.high + 1e-9);
      }
    }),
  );
});

test('a histogram of scores that differ is as good as exact', () => {
  const histogram = new ScoreHistogram();
  for (let i = 1; i < 10_000; i++) histogram.add(i / 10_000, i % 3 === 0 ? 1 : 0);
  const { low, high } = histogram.auc;
  expect(high - low).toBeLessThan(0.0005);
  expect(histogram.rows).toBe(9_999);
  expect(histogram.rate).toBeCloseTo(1 / 3, 3);
});
