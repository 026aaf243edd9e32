import { expect, test } from '@jest/globals';
import { configOfModel } from './model-config.js';
import { parseClusterConfig } from './schema.js';

test('a model with another network has none of the code of one’s own', () => {
  const config = parseClusterConfig({
    features: { item: { entity: 'item', kind: 'id' } },
    model: { network: './mine.ts', networkCode: 'exports.default = {}' },
  });
  const of = (overrides: Readonly<Record<string, unknown>>) =>
    configOfModel(config, { name: 'other', born: 1 } as never, overrides).model;
  expect(of({ 'model.network': 'fm' })).toMatchObject({ network: 'fm', networkCode: undefined });
  expect(of({ 'model.factorDim': 8 })).toMatchObject({
    networkCode: 'exports.default = {}',
    factorDim: 8,
  });
});
