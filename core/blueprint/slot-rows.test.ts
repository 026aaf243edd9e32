import { expect, test } from '@jest/globals';
import { parseClusterConfig } from '../config/schema.js';
import { blueprintOf } from './blueprint.js';

const features = {
  user: { entity: 'user', kind: 'id' },
  item: { entity: 'item', kind: 'id' },
  town: { entity: 'user', kind: 'id' },
  brand: { entity: 'item', kind: 'id' },
} as const;

function optimizersOf(model: object): Record<string, unknown> {
  const { spec, tables } = blueprintOf(parseClusterConfig({ features, model }));
  return Object.fromEntries(spec.slots.map(({ name }, i) => [name, tables[i]!.optimizer]));
}

test('rows of single users and items learn by example, users fast, and what users share slowly', () => {
  expect(optimizersOf({})).toMatchObject({
    user: { learningRate: 0.1, accumulates: 'examples', firstOrderRate: 0.2 },
    item: { learningRate: 0.05, accumulates: 'examples', firstOrderRate: 0.2 },
    brand: { learningRate: 0.05 },
  });
  const { town, brand } = optimizersOf({}) as Record<string, { learningRate: number }>;
  expect(town!.learningRate).toBeCloseTo(0.02, 12);
  expect(brand).not.toHaveProperty('accumulates');
  expect(brand).not.toHaveProperty('firstOrderRate');
});

test('a rate that is told of all is the measure, and one of a feature is its own', () => {
  const told = optimizersOf({
    rows: { learningRate: 0.1 },
    slots: { user: { learningRate: 0.3 }, brand: { learningRate: 0.01, accumulates: 'examples' } },
  });
  expect(told).toMatchObject({
    user: { learningRate: 0.3, firstOrderRate: 0.6 },
    item: { learningRate: 0.1, firstOrderRate: 0.4 },
    brand: { learningRate: 0.01, accumulates: 'examples' },
  });
});

test('what is said of all rows is true of those of users and items, and other optimizers have one rate', () => {
  expect(optimizersOf({ rows: { accumulates: 'batch', firstOrderRate: 0.05 } })).toMatchObject({
    user: { accumulates: 'batch', firstOrderRate: 0.05 },
  });
  const adam = optimizersOf({ rows: { optimizer: 'adam', learningRate: 0.01 } });
  for (const each of Object.values(adam)) expect(each).toMatchObject({ learningRate: 0.01 });
});
