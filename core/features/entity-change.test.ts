import { expect, test } from '@jest/globals';
import { changedBy } from './entity-change.js';

const before = { price: 49, brand: 'Lohul' };

test('a patch leaves what it does not name, and empties what is null', () => {
  expect(changedBy(before, { price: 44 }, 'patch')).toEqual({ price: 44, brand: 'Lohul' });
  expect(changedBy(before, { price: null, stock: 3 }, 'patch')).toEqual({
    brand: 'Lohul',
    stock: 3,
  });
  expect(changedBy(undefined, { price: 1, brand: null }, 'patch')).toEqual({ price: 1 });
});

test('a replacement leaves nothing', () => {
  expect(changedBy(before, { price: 44, brand: null }, 'replace')).toEqual({ price: 44 });
  expect(changedBy(before, {})).toEqual({});
});

test('names are those of the entity, whatever objects have by themselves', () => {
  const after = changedBy({ constructor: 'a' }, { toString: 'b' }, 'patch');
  expect(Object.entries(after)).toEqual([
    ['constructor', 'a'],
    ['toString', 'b'],
  ]);
});
