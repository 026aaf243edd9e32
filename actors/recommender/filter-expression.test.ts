import { describe, expect, test } from '@jest/globals';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { AttributeTypes } from '../../core/features/attributes.js';
import { ItemRows } from '../../core/retrieval/item-row.js';
import { FilterCompiler } from './filter-expression.js';

const item: AttributeTypes = {
  ...{ price: 'number', stock: 'number', title: 'text', category: 'text', tags: 'list' },
  ...{ sizes: 'list', sale: 'boolean', born: 'time', 'in-shop': 'boolean' },
};
const compiler = new FilterCompiler({
  item,
  user: { town: 'text', age: 'number' },
  context: { device: 'text', hour: 'number' },
});
const rows = new ItemRows(item);
const lamp = {
  ...{ price: 9.5, stock: 3, title: 'A "lamp"', category: 'Lamps', tags: ['new', 'red'] },
  ...{ sizes: [1, 2.5], sale: true, born: '2026-11-01T00:00:00Z', 'in-shop': false },
};

function decided(text: string, told: object = lamp, of: object = {}) {
  const missing = new Map<string, number>();
  const about = { user: {}, context: {}, now: new Date('2026-11-30T00:00:00Z'), missing, ...of };
  const row = rows.changed(undefined, { ...told }, 'replace');
  return { fits: compiler.compile(text).fits(row, about), missing: [...missing] };
}
const fits = (text: string, told?: object, of?: object) => decided(text, told, of).fits;

function refusal(text: string): string {
  try {
    compiler.compile(text);
  } catch (error) {
    return `${codeOf(error)} ${messageOf(error)}`;
  }
  return 'it is taken';
}

describe('a filter in CEL', () => {
  test.each([
    'item.price <= 10 && item.stock > 0',
    'item.price == 9.5 || item.price == 9',
    'item.stock == 3 && item.stock != 4 && 2 < item.stock',
    'item.stock in [1, 3] && item.price in [9.5, 1]',
    'item.price * 2 > 18 && item.price + 1 >= 10.5 && item.price - 1 < 9 && 19 / 2 <= 10',
    '!(item.stock > 5) && -item.stock < 0',
    'item.category in ["Lamps", "Tea"] && item.title.contains("lamp")',
    '"new" in item.tags && !("old" in item.tags) && size(item.tags) == 2',
    '1 in item.sizes && 2.5 in item.sizes && !(3 in item.sizes)',
    'item.tags.exists(tag, tag.startsWith("re"))',
    'item.sale && !item["in-shop"]',
    'item.sale ? item.price < 10 : item.price < 5',
    'item.born > now() - duration("720h") && item.born < timestamp("2026-12-01T00:00:00Z")',
    'item.title == \'A "lamp"\'',
    'true',
  ])('lets pass what fits: %s', (text) => {
    expect([fits(text), fits(`!(${text})`)]).toEqual([true, false]);
  });

  test('is about the user and the moment too', () => {
    const of = { user: { town: 'Kiel', age: 30 }, context: { hour: 20 } };
    const text = 'user.town == "Kiel" && item.price < user.age && context.hour >= 18';
    expect(fits(text, lamp, of)).toBe(true);
    expect(decided(text)).toEqual({ fits: false, missing: [['user.town', 1]] });
    expect(compiler.compile(text).ofUser).toEqual(['town', 'age']);
    expect(compiler.compile('item.price > 1').ofUser).toEqual([]);
  });

  test.each<[string, boolean, [string, number][]]>([
    ['item.stock > 0', false, [['item.stock', 1]]],
    ['item.stock != 0', false, [['item.stock', 1]]],
    ['!(item.stock > 0)', true, [['item.stock', 1]]],
    ['item.stock > 0 || item.price < 10', true, [['item.stock', 1]]],
    ['item.stock > 0 && item.price < 10', false, [['item.stock', 1]]],
    ['item.price < item.stock', false, [['item.stock', 1]]],
    ['"a" in item.tags', false, [['item.tags', 1]]],
    ['item.tags.exists(t, t == "a")', false, [['item.tags', 1]]],
    ['item.sale', false, [['item.sale', 1]]],
    ['item.sale ? item.price < 1 : item.price > 1', true, [['item.sale', 1]]],
    ['!has(item.stock)', true, []],
    ['(has(item.stock) ? item.stock : 7.0) > 5', true, []],
    ['has(item.stock) && item.stock > 0', false, []],
  ])('a missing value makes its comparison false: %s', (text, isFit, missing) => {
    expect(decided(text, { price: 9.5 })).toEqual({ fits: isFit, missing });
  });

  test('whatever else is missing makes no other comparison false', () => {
    expect(decided('item.stock > 0 && item.title != "x"', { stock: 3, title: 'y' }).fits).toBe(
      true,
    );
    expect(decided('item.title == "y" && item.price > 0', { title: 'y' })).toEqual({
      ...{ fits: false, missing: [['item.price', 1]] },
    });
  });

  test.each([
    [
      'item.categori == "Tea"',
      'filter: item.categori, column 1: no such attribute; nearest: category',
    ],
    ['item.price < 5 && has(item.stok)', 'item.stok, column 23: no such attribute; nearest: stock'],
    ['item.price in [5, 7] && item.zzz > 1', 'item.zzz, column 25: no such attribute; declared: '],
    ['user.twon == "Kiel"', 'user.twon, column 1: no such attribute; nearest: town'],
    ['context.devise == "tv"', 'no such feature of a context; nearest: device'],
    ['item.title > 3', 'no such overload: string > int, column 1'],
    ['item.price in [1, 2] && item.tags == "new"', 'list<dyn> == string, column 25'],
    ['itm.price > 3', 'Unknown variable: itm, column 1'],
    ['item.price >', 'Unexpected token: EOF, column 13'],
    ['item.price', 'expected a condition, which is true or false; it is of type double'],
    ['item[item.title] > 1', 'item[…]: expected the name of an attribute in quotes'],
    ['item.title.matches("(a+)+$")', 'patterns can not be bounded'],
    ['item.tags.exists(a, item.tags.exists(b, a == b))', 'a loop in a loop can not be bounded'],
    [`item.price in [${'1,'.repeat(600)}1]`, 'Exceeded max'],
  ])('is refused with the place: %s', (text, words) => {
    expect(refusal(text)).toContain('BAD_REQUEST filter: ');
    expect(refusal(text)).toContain(words);
  });

  test('that can not be evaluated lets nothing pass', () => {
    expect(fits('1 / 0 == 1')).toBe(false);
    expect(fits('item.tags[9] == "new"')).toBe(false);
  });

  test('knows names that every object has as those of nobody', () => {
    expect(refusal('item.constructor == "x"')).toContain('no such attribute');
    const types: AttributeTypes = JSON.parse('{"constructor":"text"}') as AttributeTypes;
    const own = new FilterCompiler({ item: types, user: {}, context: {} });
    const about = { user: {}, context: {}, now: new Date(), missing: new Map<string, number>() };
    const row = new ItemRows(types).changed(undefined, {}, 'replace');
    expect(own.compile('item.constructor == "x"').fits(row, about)).toBe(false);
    const told = new ItemRows(types).changed(row, { constructor: 'x' }, 'patch');
    expect(own.compile('item.constructor == "x"').fits(told, about)).toBe(true);
  });
});
