import { describe, expect, test } from '@jest/globals';
import { type FeatureDeclaration, featureSpecOf } from './feature-spec.js';

const features: Record<string, FeatureDeclaration> = {
  user: { entity: 'user', kind: 'id', source: 'user' },
  item: { entity: 'item', kind: 'id', source: 'item' },
  age: { entity: 'user', kind: 'buckets', boundaries: [18, 35], source: 'age' },
  genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 4, source: 'genres' },
  hour: {
    entity: 'context',
    kind: 'vocabulary',
    values: ['am', 'pm'],
    other: true,
    source: 'hour',
  },
  price: { entity: 'item', kind: 'dense', normalisation: { method: 'log1p' }, source: 'price' },
  ageYears: {
    entity: 'user',
    kind: 'dense',
    normalisation: { method: 'standard', mean: 33, deviation: 12 },
    source: 'age',
  },
};

describe('the feature specification', () => {
  test('orders slots and dense columns by entity, then by name', () => {
    const spec = featureSpecOf(features);
    expect(spec.slots.map((slot) => slot.name)).toEqual(['age', 'user', 'genres', 'item', 'hour']);
    expect(spec.slots.map((slot) => slot.index)).toEqual([0, 1, 2, 3, 4]);
    expect(spec.dense.map((column) => column.name)).toEqual(['ageYears', 'price']);
    expect(spec.slots[2]).toMatchObject({ pooling: 'mean', valuesMax: 4, entity: 'item' });
    expect(spec.slots[0]).toMatchObject({ pooling: 'sum', valuesMax: 1 });
  });

  test('does not depend on the order of declaration', () => {
    const reversed = Object.fromEntries(Object.entries(features).reverse());
    expect(featureSpecOf(reversed)).toEqual(featureSpecOf(features));
  });

  test('has the same hash in every release: a change here refuses all stored samples', () => {
    expect(featureSpecOf(features).hash).toBe('6eb839fece6b05de');
  });

  const changes: [string, Record<string, FeatureDeclaration>][] = [
    [
      'a boundary',
      { age: { entity: 'user', kind: 'buckets', boundaries: [18, 36], source: 'age' } },
    ],
    ['a source', { user: { entity: 'user', kind: 'id', source: 'userId' } }],
    ['an entity', { user: { entity: 'context', kind: 'id', source: 'user' } }],
    ['a new feature', { device: { entity: 'context', kind: 'id', source: 'device' } }],
    [
      'the pooling',
      { genres: { entity: 'item', kind: 'ids', pooling: 'sum', valuesMax: 4, source: 'genres' } },
    ],
    [
      'the order of a vocabulary',
      {
        hour: {
          entity: 'context',
          kind: 'vocabulary',
          values: ['pm', 'am'],
          other: true,
          source: 'hour',
        },
      },
    ],
    [
      'a mean',
      {
        ageYears: {
          entity: 'user',
          kind: 'dense',
          normalisation: { method: 'standard', mean: 34, deviation: 12 },
          source: 'age',
        },
      },
    ],
  ];

  test.each(changes)('changing %s changes the hash', (_what, change) => {
    expect(featureSpecOf({ ...features, ...change }).hash).not.toBe(featureSpecOf(features).hash);
  });
});
