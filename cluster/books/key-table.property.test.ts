import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyTable } from './key-table.js';

const marks = fc.array(
  fc.record({
    requestId: fc.oneof(fc.string({ maxLength: 8 }), fc.nat(500).map(String)),
    item: fc.nat(20).map(String),
    flags: fc.integer({ min: 1, max: 63 }),
  }),
  { maxLength: 3_000 },
);

test('a table of keys is a map from key to flags', () => {
  fc.assert(
    fc.property(marks, (each) => {
      const table = new KeyTable();
      const model = new Map<string, number>();
      for (const { requestId, item, flags } of each) {
        const key = JSON.stringify([requestId, item]);
        expect(table.mark(requestId, item, flags)).toBe(model.get(key) ?? 0);
        model.set(key, (model.get(key) ?? 0) | flags);
      }
      expect(table.count).toBe(model.size);
      for (const [key, flags] of model) {
        const [requestId, item] = JSON.parse(key) as [string, string];
        expect(table.flagsOf(requestId, item)).toBe(flags);
      }
      const odd = [...model.values()].filter((flags) => flags & 1).length;
      expect(table.countWhere((flags) => (flags & 1) === 1)).toBe(odd);
    }),
    { numRuns: 50 },
  );
});

test('it grows, and tells ids apart that only differ in where one ends', () => {
  const table = new KeyTable();
  for (let i = 0; i < 100_000; i++) table.mark(`request-${i}`, 'x', 1);
  expect(table.count).toBe(100_000);
  expect(table.mark('ab', 'c', 2)).toBe(0);
  expect(table.mark('a', 'bc', 2)).toBe(0);
});
