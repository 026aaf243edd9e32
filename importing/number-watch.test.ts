import { expect, test } from '@jest/globals';
import { NumberWatch } from './number-watch.js';

function watch(values: readonly number[]): string[] {
  const numbers = new NumberWatch();
  values.forEach((value, i) => numbers.add('price', value, i + 2));
  return numbers.notes();
}

const prices = Array.from({ length: 6_000 }, (_, i) => ((i * 37) % 101) / 50 - 1);

test.each([9_999, 1_000_000, -999_999_999])(
  'a placeholder is named with its first line: %d',
  (value) => {
    const notes = watch(prices.map((price, i) => (i === 1_500 || i === 1_501 ? value : price)));
    expect(notes).toEqual([
      `price: 2 numbers are more than 100 times as large as 99 % of all (1); line 1502: ${value}`,
    ]);
  },
);

test('what is spread over magnitudes, as money is, is nothing to tell of', () => {
  expect(watch(prices)).toEqual([]);
  expect(watch(prices.map((price) => Math.exp(4 * price)))).toEqual([]);
  expect(watch([1, 1_000_000])).toEqual([]);
  expect(watch(prices.map(() => 0))).toEqual([]);
});
