import { describe, expect, test } from '@jest/globals';
import { type FeatureDeclaration, type FeatureEntity, featureSpecOf } from './feature-spec.js';
import { createTransform } from './transform.js';

const features: Record<string, FeatureDeclaration> = {
  user: { entity: 'user', kind: 'id', source: 'user' },
  age: { entity: 'user', kind: 'buckets', boundaries: [18, 35], source: 'age' },
  ageYears: {
    entity: 'user',
    kind: 'dense',
    normalisation: { method: 'standard', mean: 30, deviation: 10 },
    source: 'age',
  },
  gender: { entity: 'user', kind: 'vocabulary', values: ['F', 'M'], other: true, source: 'gender' },
  item: { entity: 'item', kind: 'id', source: 'item' },
  genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 3, source: 'genres' },
  tone: { entity: 'item', kind: 'vocabulary', values: ['dark'], other: false, source: 'tone' },
  price: { entity: 'item', kind: 'dense', normalisation: { method: 'log1p' }, source: 'price' },
  score: { entity: 'item', kind: 'dense', normalisation: { method: 'none' }, source: 'score' },
  stars: {
    entity: 'item',
    kind: 'dense',
    normalisation: { method: 'minmax', min: 1, max: 5 },
    source: 'stars',
  },
};
const transform = createTransform(featureSpecOf(features));

/** Fids of one feature as [low, high] pairs. */
function fidsOf(
  entity: FeatureEntity,
  id: string,
  raw: Record<string, unknown>,
  name: string,
): number[][] {
  const { counts, fids } = transform.encodeEntity(entity, id, raw);
  const slots = transform.spec.slots.filter((slot) => slot.entity === entity);
  const index = slots.findIndex((slot) => slot.name === name);
  const start = counts.slice(0, index).reduce((sum, count) => sum + count, 0);
  return Array.from({ length: counts[index]! }, (_, i) => [
    fids[2 * (start + i)]!,
    fids[2 * (start + i) + 1]!,
  ]);
}

function denseOf(entity: FeatureEntity, raw: Record<string, unknown>, name: string): number {
  const columns = transform.spec.dense.filter((column) => column.entity === entity);
  const { index } = columns.find((column) => column.name === name)!;
  return transform.encodeEntity(entity, '1', raw).dense[index - columns[0]!.index]!;
}

describe('encoding an entity', () => {
  test('an entity of which nothing is known has its id, and nothing else', () => {
    const { counts, fids, dense } = transform.encodeEntity('user', '42', {});
    expect([...counts]).toEqual([0, 0, 1]);
    expect([...fids]).toEqual([42, 0]);
    expect([...dense]).toEqual([0, 1]);
  });

  test.each([
    [17, 0],
    [18, 1],
    ['34.9', 1],
    [35, 2],
    [99, 2],
    [24n, 1],
  ])('age %p is in bucket %p', (age, bucket) => {
    expect(fidsOf('user', '1', { age }, 'age')).toEqual([[bucket, 0]]);
  });

  test('listed words count from 1, others share key 0 or read as missing', () => {
    expect(fidsOf('user', '1', { gender: 'F' }, 'gender')).toEqual([[1, 0]]);
    expect(fidsOf('user', '1', { gender: 'M' }, 'gender')).toEqual([[2, 0]]);
    expect(fidsOf('user', '1', { gender: 'X' }, 'gender')).toEqual([[0, 0]]);
    expect(fidsOf('user', '1', { gender: '' }, 'gender')).toEqual([]);
    expect(fidsOf('item', '1', { tone: 'dark' }, 'tone')).toEqual([[1, 0]]);
    expect(fidsOf('item', '1', { tone: 'light' }, 'tone')).toEqual([]);
  });

  test('several values come as a list or joined by |, and stop at the limit', () => {
    const listed = fidsOf('item', '1', { genres: ['Drama', 'Comedy'] }, 'genres');
    expect(listed).toHaveLength(2);
    expect(fidsOf('item', '1', { genres: 'Drama|Comedy' }, 'genres')).toEqual(listed);
    expect(fidsOf('item', '1', { genres: 'Drama||Comedy|' }, 'genres')).toEqual(listed);
    expect(fidsOf('item', '1', { genres: 'Drama|Comedy|War|Noir' }, 'genres')).toHaveLength(3);
    expect(fidsOf('item', '1', { genres: [] }, 'genres')).toEqual([]);
    expect(fidsOf('item', '1', { genres: 7 }, 'genres')).toEqual([[7, 0]]);
  });

  test('numbers are normalised, and missing ones are 0 after it', () => {
    expect(denseOf('user', { age: 40 }, 'ageYears')).toBe(1);
    expect(denseOf('user', { age: null }, 'ageYears')).toBe(0);
    expect(denseOf('item', { price: '0' }, 'price')).toBe(0);
    expect(denseOf('item', { price: -3 }, 'price')).toBeCloseTo(-Math.log(4));
    expect(denseOf('item', { score: ' 1e2 ' }, 'score')).toBe(100);
    expect(denseOf('item', { stars: 3 }, 'stars')).toBe(0.5);
    expect(denseOf('item', { stars: 9 }, 'stars')).toBe(1);
    expect(denseOf('item', {}, 'stars')).toBe(0);
  });

  test('a feature that is not declared for a context is refused by name', () => {
    const encode = () => transform.encodeEntity('context', '', { price: 3 });
    expect(encode).toThrow(expect.objectContaining({ code: 'UNKNOWN_FEATURE' }));
    expect(encode).toThrow('"price" is not a declared context feature; declared: ');
    expect(() => transform.encodeEntity('context', '', { context: 1 })).toThrow('"context"');
  });

  test('what is known of a user or item beside its features is passed over', () => {
    const plain = transform.encodeEntity('item', '1', { price: 3 });
    const told = { price: 3, title: 'A lamp', tags: [1, 2], constructor: 'x', nested: {} };
    expect(transform.encodeEntity('item', '1', told)).toEqual(plain);
  });

  test('true and false are words and numbers', () => {
    expect(transform.encodeEntity('user', '1', { gender: true, age: true })).toEqual(
      transform.encodeEntity('user', '1', { gender: 'true', age: '1' }),
    );
  });

  test.each<[string, FeatureEntity, Record<string, unknown>, string]>([
    ['a word for a number', 'user', { age: 'old' }, 'age: expected a finite number; got "old"'],
    ['NaN', 'user', { age: NaN }, 'age: expected a finite number; got NaN'],
    ['infinity as text', 'item', { price: 'Infinity' }, 'price: expected a finite number'],
    ['hexadecimal', 'item', { price: '0x10' }, 'price: expected a finite number'],
    ['a number beyond 64-bit floats', 'item', { score: '1e999' }, 'score: expected a finite'],
    ['a number beyond 32-bit floats', 'item', { score: 1e39 }, 'score: expected a number within'],
    ['a list for one word', 'user', { gender: ['F'] }, 'gender: expected a string'],
    ['an object among ids', 'item', { genres: ['a', {}] }, 'genres: expected a string'],
    ['an integer that was rounded', 'item', { genres: [2 ** 53] }, 'genres: expected an integer'],
    ['another id', 'user', { user: '2' }, 'user: the features name "2", the event "1"'],
  ])('%s is refused, naming the field', (_what, entity, raw, message) => {
    const encode = () => transform.encodeEntity(entity, '1', raw);
    expect(encode).toThrow(expect.objectContaining({ code: 'BAD_EVENT' }));
    expect(encode).toThrow(message);
  });

  test('an empty id is refused', () => {
    expect(() => transform.encodeEntity('item', '', {})).toThrow('item: expected an id');
  });

  test('a feature named as a member of every object is missing until it is given', () => {
    const inherited: FeatureDeclaration = { entity: 'user', kind: 'id', source: 'constructor' };
    const odd = createTransform(featureSpecOf(Object.fromEntries([['constructor', inherited]])));
    expect([...odd.encodeEntity('user', '1', {}).counts]).toEqual([0]);
  });
});

describe('assembling examples', () => {
  test('one encoded user serves many candidates', () => {
    const user = transform.encodeEntity('user', '42', { age: 20 });
    const items = ['7', '8'].map((id) => transform.encodeEntity('item', id, { genres: '1|2' }));
    const context = transform.encodeEntity('context', '', {});
    const batch = transform.assemble([user, user], items, [context, context]);
    expect(batch).toMatchObject({ rowCount: 2, slotCount: 6, denseCount: 8 });
    // Slots: age, gender, user, genres, item, tone.
    expect([...batch.offsets]).toEqual([0, 1, 1, 2, 4, 5, 5, 6, 6, 7, 9, 10, 10]);
    expect([...batch.fids]).toEqual([1, 0, 42, 0, 1, 0, 2, 0, 7, 0, 1, 0, 42, 0, 1, 0, 2, 0, 8, 0]);
    expect([...batch.dense]).toEqual([...[-1, 0, 0, 1, 0, 1, 0, 1], ...[-1, 0, 0, 1, 0, 1, 0, 1]]);
  });

  test('entities of another specification are a defect, not a wrong example', () => {
    const other = createTransform(
      featureSpecOf({ item: { entity: 'item', kind: 'id', source: 'item' } }),
    );
    const user = transform.encodeEntity('user', '42', {});
    const context = transform.encodeEntity('context', '', {});
    const item = other.encodeEntity('item', '7', {});
    expect(() => transform.assemble([user], [item], [context])).toThrow('slots of this spec');
    expect(() => transform.assemble([user], [], [context])).toThrow('as many items as users');
  });
});

describe('what a request or an event says of the moment', () => {
  const told = createTransform(
    featureSpecOf({
      device: { entity: 'context', kind: 'vocabulary', values: ['NA', 'phone'], other: true, source: 'device' }, // prettier-ignore
      place: { entity: 'context', kind: 'id', source: 'place' },
      hour: { entity: 'context', kind: 'buckets', boundaries: [12], source: 'hour' },
      price: { entity: 'context', kind: 'dense', normalisation: { method: 'none' }, source: 'price' }, // prettier-ignore
    }),
  );
  const encode = (raw: Record<string, unknown>) => told.encodeEntity('context', '', raw);

  test.each(['NaN', '\\N', 'NULL', 'NA', 'None', ' ', null, NaN])(
    'is nothing where it looks like nothing: %p',
    (value) => {
      expect(encode({ place: value, hour: value, price: value })).toEqual(encode({}));
    },
  );

  test('is a word where a vocabulary lists it; a dash is nothing only among numbers', () => {
    // Slots: device, hour, place.
    expect([...encode({ device: 'NA', place: '-', hour: '-', price: '-' }).counts]).toEqual([
      1, 0, 1,
    ]);
    expect([...encode({ device: 'None' }).counts]).toEqual([0, 0, 0]);
  });
});
