import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { integerPower } from './integer-power.js';

describe('a whole power', () => {
  test('is what repeated multiplication gives', () => {
    expect([0, 1, 2, 3, 10].map((n) => integerPower(2, n))).toEqual([1, 2, 4, 8, 1024]);
    const bases = fc.double({ min: 0.5, max: 1.5, noNaN: true });
    fc.assert(
      fc.property(bases, fc.nat({ max: 300 }), (base, exponent) => {
        const wanted = base ** exponent;
        expect(Math.abs(integerPower(base, exponent) - wanted)).toBeLessThanOrEqual(1e-12 * wanted);
      }),
    );
  });
});
