import { describe, expect, test } from '@jest/globals';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { AttributeReader } from './attribute-reader.js';

const spec = featureSpecOf({
  item: { entity: 'item', kind: 'id', source: 'item' },
  price: { entity: 'item', kind: 'dense', normalisation: { method: 'log1p' }, source: 'price' },
  priceBucket: { entity: 'item', kind: 'buckets', boundaries: [10], source: 'price' },
  genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 4, source: 'genres' },
  country: {
    entity: 'item',
    kind: 'vocabulary',
    values: ['NA', 'DE'],
    other: true,
    source: 'country',
  },
  brand: { entity: 'item', kind: 'id', source: 'brand' },
  image: { entity: 'item', kind: 'vector', length: 2, scale: 'unit', source: 'image' },
  age: { entity: 'user', kind: 'buckets', boundaries: [18], source: 'age' },
});
const reader = new AttributeReader(spec, {
  user: {},
  item: { title: 'text', stock: 'number', sizes: 'list', sale: 'boolean', born: 'time' },
});
const readItem = (told: Record<string, unknown>) => reader.read('item', told);

describe('attributes', () => {
  test('are kept, whether something is declared of them or not', () => {
    const told = { title: 'A lamp', price: '9.5', url: 'https://x/1', tags: ['a', 2, true] };
    expect(readItem(told)).toEqual({ attributes: told, unreadable: [], unknown: ['url', 'tags'] });
  });

  test('have the types that are declared of them', () => {
    const told = { stock: '12', sizes: 'S|M', sale: 'yes', title: 7, born: 1_700_000_000 };
    expect(readItem(told).attributes).toEqual({
      ...{ stock: 12, sizes: ['S', 'M'], sale: true, title: '7' },
      born: '2023-11-14T22:13:20.000Z',
    });
  });

  test.each(['NaN', '\\N', 'null', 'NULL', 'NA', 'None', '-', '', '  ', null, NaN])(
    'of numbers are missing where it says %p',
    (value) => {
      expect(readItem({ price: value, stock: value }).attributes).toEqual({
        ...{ price: null, stock: null },
      });
    },
  );

  test('that are vectors are kept as floats, as long as one is declared', () => {
    const { attributes, unknown } = readItem({ image: '[0.5, 2]' });
    expect([attributes, unknown]).toEqual([{ image: Float32Array.of(0.5, 2) }, []]);
    expect(readItem({ image: 'NaN' }).attributes).toEqual({ image: null });
  });

  test('that are texts may look like nothing only where that is a word', () => {
    const told = { brand: 'NA', country: 'NA', title: 'None', genres: '\\N' };
    expect(readItem(told).attributes).toEqual({
      ...{ brand: null, country: 'NA', title: 'None', genres: null },
    });
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a word for a number', { price: 'cheap' }, /^price: expected a finite number; got "cheap"/],
    ['a declared number that is none', { stock: 'many' }, /^stock: expected a number/],
    [
      'a vector of another length',
      { image: [1, 2, 3] },
      /^image: expected 2 finite numbers; got 3/,
    ],
    ['a vector with a hole', { image: '1|' }, /^image: expected 2 finite numbers; got NaN/],
    ['a map', { color: { r: 1 } }, /^color: expected a text, a number/],
    ['a map among ids', { genres: ['a', {}] }, /^genres: expected texts or numbers/],
    ['a document', { about: 'x'.repeat(40_000) }, /^about: expected a text of at most 32768/],
    ['no time', { born: 'once' }, /^born: expected seconds/],
    ['no truth', { sale: 'perhaps' }, /^sale: expected true or false/],
    ['the hidden one, which is no truth', { hidden: 'perhaps' }, /^hidden: expected true/],
    ['a long name', { ['n'.repeat(200)]: 1 }, /: expected a name of 1 to 128/],
  ])('that can not be read cost their own name alone: %s', (_what, bad, words) => {
    const { attributes, unreadable } = readItem({ brand: 'Lohul', ...bad, title: 'A lamp' });
    expect(attributes).toEqual({ brand: 'Lohul', title: 'A lamp' });
    expect(unreadable).toEqual([expect.stringMatching(words)]);
  });

  test('may be called like what every object has', () => {
    const told = JSON.parse('{"constructor":"a","toString":1,"__proto__":2}') as object;
    const { attributes, unreadable, unknown } = readItem({ ...told });
    expect(Object.entries(attributes)).toEqual([
      ['constructor', 'a'],
      ['toString', 1],
    ]);
    expect([unreadable.length, unknown]).toEqual([1, ['constructor', 'toString']]);
  });

  test('of whether an item is offered need no declaration', () => {
    const told = { hidden: true, availableFrom: '2026-12-01', item: '7' };
    expect(readItem(told)).toEqual({
      attributes: { hidden: true, availableFrom: '2026-12-01T00:00:00.000Z' },
      ...{ unreadable: [], unknown: [] },
    });
    expect(reader.read('user', { hidden: 1, age: 30 }).unknown).toEqual(['hidden']);
  });
});
