import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { emptyState, listEvent } from './activity-state.js';
import { historyOf, newestOf } from './person-history.js';

const types = ['view', 'cart', 'purchase'];

test('what somebody did last is that of a list of all, ordered anew', () => {
  const told = fc.record({
    type: fc.constantFrom(...types, 'other'),
    item: fc.constantFrom('a', 'b', 'c', 'd'),
    atMs: fc.integer({ min: 0, max: 8 }),
  });
  const rules = { events: fc.subarray(types), length: fc.integer({ min: 1, max: 12 }) };
  fc.assert(
    fc.property(
      fc.array(told, { maxLength: 20 }),
      rules.events,
      rules.length,
      (all, of, length) => {
        const state = emptyState();
        for (const { type, item, atMs } of all) listEvent(state, type, [item, atMs, NaN, ''], 6);
        const events = new Set(of);
        const expected = types
          .flatMap((type, i) =>
            (events.has(type) ? (state.lists[type] ?? []) : [])
              .map(([item, atMs]) => ({ item, atMs, type: i + 1 }))
              .reverse(),
          )
          .sort((a, b) => b.atMs - a.atMs)
          .slice(0, length);
        const found = historyOf(newestOf(state, { events, length }, types), 9_000, (item) => [
          item,
        ]);
        expect(found.values).toEqual(expected.map(({ item }) => [item]));
        expect([...found.types]).toEqual(expected.map(({ type }) => type));
        expect([...found.agesSeconds]).toEqual(
          expected.map(({ atMs }) => Math.fround((9_000 - atMs) / 1_000)),
        );
      },
    ),
  );
  expect(newestOf(undefined, { events: new Set(types), length: 3 }, types).items).toEqual([]);
});
