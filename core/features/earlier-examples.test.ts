import { describe, expect, test } from '@jest/globals';
import type { EarlierShape, Lineage } from '../base/lineage.js';
import { columnShapes } from './column-shapes.js';
import { carriedExamples } from './earlier-examples.js';
import type { FeatureDeclaration } from './feature-spec.js';
import { featureSpecOf } from './feature-spec.js';
import { createTransform } from './transform.js';

type Features = Readonly<Record<string, FeatureDeclaration>>;

const user: FeatureDeclaration = { entity: 'user', kind: 'id', source: 'user' };
const item: FeatureDeclaration = { entity: 'item', kind: 'id', source: 'item' };
const genres: FeatureDeclaration = {
  ...{ entity: 'item', kind: 'ids', source: 'genres' },
  ...{ pooling: 'mean', valuesMax: 4 },
};
const price: FeatureDeclaration = {
  ...{ entity: 'item', kind: 'dense', source: 'price' },
  normalisation: { method: 'none' },
};
const stock: FeatureDeclaration = { ...price, source: 'stock' };
const recent: FeatureDeclaration = {
  ...{ entity: 'user', kind: 'history', of: 'genres', length: 3 },
  ...{ pooling: 'sum', with: ['event'] },
};
const raw = { genres: ['a', 'b'], price: 7, stock: 3 };

function examplesWith(features: Features) {
  const transform = createTransform(featureSpecOf(features));
  const told = Object.fromEntries(
    Object.values(features).flatMap((feature) => {
      const source = 'source' in feature ? feature.source : '';
      return Object.hasOwn(raw, source) ? [[source, raw[source as keyof typeof raw]]] : [];
    }),
  );
  const of = {
    user: transform.encodeEntity('user', 'u', {}),
    item: transform.encodeEntity('item', 'i', told),
    context: transform.encodeEntity('context', '', {}),
  };
  return transform.assemble([of.user, of.user], [of.item, of.item], [of.context, of.context]);
}

function shapeOf(features: Features, version: number): EarlierShape {
  const { slots, dense, hash } = featureSpecOf(features);
  return {
    ...{ version, spec: hash, model: hash, outcomes: ['click'], values: [] },
    slots: slots.map(({ name }) => name),
    columns: columnShapes(dense),
    ...{ network: 'fm', factorDim: 2, hidden: [] },
  };
}

function carried(before: Features, now: Features, born: Record<string, number> = {}) {
  const earlier = [shapeOf(before, 1)];
  const lineage: Lineage = { version: 2, born: { features: born }, earlier };
  const spec = featureSpecOf(now, lineage);
  return carriedExamples(examplesWith(before), spec.earlier.get(earlier[0]!.spec)!);
}

describe('examples of before', () => {
  test('are what they would have been where features only go', () => {
    const before = { user, item, genres, price, stock };
    expect(carried(before, { user, genres, item, stock })).toEqual(
      examplesWith({ user, item, genres, stock }),
    );
    expect(carried(before, { item, price })).toEqual(examplesWith({ item, price }));
  });

  test('have nothing of a feature that came', () => {
    const found = carried({ user, item, price }, { user, item, genres, price, stock });
    expect(found).toMatchObject({ rowCount: 2, slotCount: 3, denseCount: 4 });
    const wanted = examplesWith({ user, item, price });
    expect(found.fids).toEqual(wanted.fids);
    // Each number has one behind it that says whether it is missing.
    expect([...found.dense]).toEqual([7, 0, 0, 1, 7, 0, 0, 1]);
    // user, (genres), item: slots stand by entity and name.
    expect([...found.offsets]).toEqual([0, 1, 1, 2, 3, 3, 4]);
  });

  test('have nothing of one that began anew under its name', () => {
    const before = { user, item, genres, price };
    const found = carried(before, before, { genres: 2, price: 2 });
    expect([...found.offsets]).toEqual([0, 1, 1, 2, 3, 3, 4]);
    expect([...found.dense]).toEqual([0, 1, 0, 1]);
  });

  test('keep the marks of their histories', () => {
    const spec = featureSpecOf({ item, genres, recent });
    const marks = { eventTypes: Uint8Array.of(1, 0, 0), agesSeconds: Float32Array.of(5, NaN, NaN) };
    const batch = {
      ...{ rowCount: 1, slotCount: 3, denseCount: 0, dense: new Float32Array(0), marks },
      offsets: Uint32Array.of(0, 1, 2, 3),
      fids: Uint32Array.of(1, 0, 2, 0, 3, 0),
    };
    expect(spec.slots.map(({ name }) => name)).toEqual(['recent', 'genres', 'item']);
    const earlier = {
      ...{ slotIds: spec.slotIds, columnIds: spec.columnIds },
      ...{ slots: Int32Array.of(-1, 0, 2), numbers: new Int32Array(0), denseWidth: 0 },
    };
    const found = carriedExamples(batch, earlier);
    expect(found.marks).toEqual({
      eventTypes: Uint8Array.of(1, 0),
      agesSeconds: Float32Array.of(5, NaN),
    });
  });

  test('of a feature that began anew have another hash than before', () => {
    const lineage: Lineage = {
      version: 2,
      born: { features: { genres: 2, gone: 2 } },
      earlier: [],
    };
    const plain = featureSpecOf({ item, genres });
    expect(featureSpecOf({ item, genres }, lineage).hash).not.toBe(plain.hash);
    expect(featureSpecOf({ item }, lineage).hash).toBe(featureSpecOf({ item }).hash);
  });
});
