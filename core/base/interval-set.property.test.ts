import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from './errors.js';
import { IntervalSet } from './interval-set.js';

const sequence = fc.integer({ min: 1, max: 60 });

function setOf(numbers: readonly number[], from = 1): IntervalSet {
  const set = new IntervalSet(from);
  for (const n of numbers) set.add(n);
  return set;
}

function expectSame(set: IntervalSet, model: ReadonlySet<number>): void {
  let watermark = 0;
  while (model.has(watermark + 1)) watermark++;
  expect(set.watermark).toBe(watermark);
  expect(set.count).toBe(model.size);
  for (let n = 0; n <= 70; n++) expect(set.has(n)).toBe(model.has(n));
  let previous = set.watermark;
  for (const { start, end } of set.intervals) {
    expect(start).toBeGreaterThanOrEqual(previous + 2);
    expect(end).toBeGreaterThanOrEqual(start);
    previous = end;
  }
}

describe('IntervalSet', () => {
  test('behaves as a set of numbers whatever the order of arrival', () => {
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 80 }), sequence, (numbers, from) => {
        const set = new IntervalSet(from);
        const model = new Set(Array.from({ length: from - 1 }, (_, i) => i + 1));
        for (const n of numbers) {
          expect(set.add(n)).toBe(!model.has(n));
          model.add(n);
        }
        expectSame(set, model);
        expect(IntervalSet.decode(set.encode()).encode()).toEqual(set.encode());
      }),
    );
  });

  test('a gap that fills joins its neighbours', () => {
    const set = setOf([1, 2, 4, 6]);
    expect([...set.encode()]).toEqual([2, 4, 4, 6, 6]);
    set.add(5);
    expect([...set.encode()]).toEqual([2, 4, 6]);
    set.add(3);
    expect([...set.encode()]).toEqual([6]);
  });

  test.each([
    ['nothing', []],
    ['half an interval', [3, 5]],
    ['a negative watermark', [-1]],
    ['a fraction', [1.5]],
    ['a number that is none', [NaN]],
    ['an interval that touches the watermark', [3, 4, 5]],
    ['an interval that ends before it starts', [3, 8, 7]],
    ['intervals that touch', [3, 5, 6, 7, 8]],
    ['an unsafe integer', [3, 5, 2 ** 53]],
  ])('decode refuses %s', (_, numbers) => {
    expect.assertions(1);
    try {
      IntervalSet.decode(Float64Array.from(numbers));
    } catch (error) {
      expect(codeOf(error)).toBe('CORRUPT');
    }
  });
});
