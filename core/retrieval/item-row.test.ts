import { describe, expect, test } from '@jest/globals';
import type { AttributeType } from '../features/attributes.js';
import { ItemRows, valueOf } from './item-row.js';

describe('what filters look at of an item', () => {
  test.each<[unknown, AttributeType, unknown]>([
    ['9.5', 'number', 9.5],
    [true, 'number', 1],
    ['cheap', 'number', undefined],
    [' ', 'number', undefined],
    [12, 'text', '12'],
    [['a'], 'text', undefined],
    ['a|b', 'list', ['a', 'b']],
    [7, 'list', [7]],
    [['a', null, 3], 'list', ['a', 3]],
    ['true', 'boolean', true],
    [1, 'boolean', undefined],
    ['1970-01-01T00:00:01.000Z', 'time', new Date(1000)],
    ['once', 'time', undefined],
    [null, 'text', undefined],
    ['', 'list', undefined],
  ])('%p as %s is %p', (told, type, value) => expect(valueOf(told, type)).toEqual(value));

  test('has what is declared, in one order, and a patch leaves the rest', () => {
    const rows = new ItemRows({ price: 'number', brand: 'text' });
    const first = rows.changed(undefined, { brand: 'Lohul', title: 'A lamp', price: 9 }, 'replace');
    expect(Object.entries(first)).toEqual([
      ['price', 9],
      ['brand', 'Lohul'],
    ]);
    expect(rows.changed(first, { price: null }, 'patch')).toEqual({ brand: 'Lohul' });
    expect(rows.changed(first, { price: 3 }, 'replace')).toEqual({ price: 3 });
  });
});
