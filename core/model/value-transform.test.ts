import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { transformValue, valueAt } from './value-transform.js';

test.each(['none', 'log1p'] as const)('a value on the scale %s is found again', (transform) => {
  const values = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(values, (value) => {
      const found = valueAt(transform, transformValue(transform, value));
      expect(Math.abs(found - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value));
    }),
  );
});

test('a head that has run away answers a number', () => {
  expect(valueAt('log1p', 1e6)).toBeLessThan(1e14);
  expect(valueAt('log1p', -1e6)).toBeGreaterThan(-1e14);
});
