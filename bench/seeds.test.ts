import { expect, test } from '@jest/globals';
import { plainSpread, signedSpread, spreadOf } from './seeds.js';

test('the interval of a mean is by t of one degree less than there are values', () => {
  const { mean, half } = spreadOf([1, 2, 3, 4, 5]);
  expect(mean).toBe(3);
  expect(half).toBeCloseTo(2.776 * Math.sqrt(2.5 / 5), 12);
  expect(spreadOf([1, 3]).half).toBeCloseTo(12.706, 12);
});

test('one value has no interval', () => {
  expect(plainSpread(spreadOf([0.7194]))).toBe('0.7194');
  expect(signedSpread(spreadOf([-0.0009]))).toBe('−0.0009');
  expect(signedSpread(spreadOf([0.001, 0.002]))).toBe('+0.0015 ±0.0064');
});
