import { expect, test } from '@jest/globals';
import { UnknownKeys } from './unknown-keys.js';

test('keys that no event has are counted and told, with the nearest that there is', () => {
  const keys = new UnknownKeys();
  keys.note('impression', { requestId: 'r', usr: 1, item: 2 });
  for (let i = 0; i < 3; i++) keys.note('action', { requestId: 'r', itm: 2, colour: 'red' });
  keys.note('features', { entity: 'item', id: 1, features: {} });
  for (const none of [null, 7, 'text', []]) keys.note('action', none);
  expect(keys.count).toBe(7);
  expect(keys.warnings).toEqual([
    '3 events have the key "itm", which no action has: it is ignored. Did you mean "item"?',
    '3 events have the key "colour", which no action has: it is ignored.',
    '1 event has the key "usr", which no impression has: it is ignored. Did you mean "user"?',
  ]);
});

test('keys that are made up do not fill the memory', () => {
  const keys = new UnknownKeys();
  for (let i = 0; i < 1_000; i++) keys.note('action', { [`k${i}`]: 1 });
  expect([keys.count, keys.warnings.length]).toEqual([1_000, 100]);
});

test('names that every object has are no keys of events', () => {
  const keys = new UnknownKeys();
  keys.note('action', JSON.parse('{"__proto__": 1, "constructor": 2}'));
  expect(keys.count).toBe(2);
});
