import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from './errors.js';
import { LatencyHistogram } from './histogram.js';

/** Log-uniform over the range the histogram promises. */
const latencyMs = fc
  .double({ min: Math.log(0.01), max: Math.log(3_599_999), noNaN: true })
  .map(Math.exp);
const latencies = fc.array(latencyMs, { minLength: 1, maxLength: 200 });

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of values) histogram.record(ms);
  return histogram;
}

describe('LatencyHistogram', () => {
  test('quantiles are within 2 % of the nearest rank', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
        const estimate = histogramOf(values).quantile(q);
        expect(Math.abs(estimate - exact) / exact).toBeLessThanOrEqual(0.02);
      }),
    );
  });

  test('count, mean and max are exact', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const histogram = histogramOf(values);
        expect(histogram.count).toBe(values.length);
        expect(histogram.max).toBe(Math.max(...values));
        expect(histogram.mean).toBeCloseTo(values.reduce((a, b) => a + b) / values.length, 3);
      }),
    );
  });

  test('merging two is recording everything into one, also through the encoded form', () => {
    fc.assert(
      fc.property(latencies, latencies, (left, right) => {
        const merged = histogramOf(left);
        merged.merge(LatencyHistogram.decode(histogramOf(right).encode()));
        const one = histogramOf([...left, ...right]);
        expect([...merged.encode()].slice(1)).toEqual([...one.encode()].slice(1));
        expect(merged.count).toBe(one.count);
        expect(merged.mean).toBeCloseTo(one.mean, 3);
      }),
    );
  });

  test('a count stands for that many records', () => {
    const weighted = new LatencyHistogram();
    weighted.record(3, 99);
    weighted.record(500, 1);
    weighted.record(7, 0);
    expect(weighted.count).toBe(100);
    expect(weighted.quantile(0.5)).toBeCloseTo(3, 1);
    expect(weighted.quantile(1)).toBe(500);
  });

  test('values outside the range count at its ends', () => {
    const histogram = histogramOf([-5, 0, 1e12]);
    expect(histogram.count).toBe(3);
    expect(histogram.quantile(0.5)).toBeLessThanOrEqual(0.0103);
    expect(histogram.max).toBe(1e12);
  });

  test('an empty histogram has no quantiles', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.quantile(0.5)).toBeNaN();
    expect(histogram.mean).toBeNaN();
    expect(histogram.max).toBe(0);
  });

  test.each([
    ['nothing', []],
    ['half a pair', [1, 1, 3]],
    ['buckets out of order', [1, 1, 3, 1, 2, 1]],
    ['a bucket that does not exist', [1, 1, 1e6, 1]],
    ['an empty bucket', [1, 1, 3, 0]],
    ['a sum that is no number', [NaN, 1]],
  ])('decode refuses %s', (_, numbers) => {
    expect.assertions(1);
    try {
      LatencyHistogram.decode(Float64Array.from(numbers));
    } catch (error) {
      expect(codeOf(error)).toBe('CORRUPT');
    }
  });
});
