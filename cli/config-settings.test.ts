import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from '../core/config/schema.js';
import { failureOf } from './failure.js';
import { withSettings } from './config-settings.js';

const config = parseClusterConfig({
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
  events: { click: {}, buy: {} },
  outcomes: { click: {} },
});

const failure = (settings: readonly string[]): string => {
  try {
    withSettings(config, settings);
    return 'taken';
  } catch (error) {
    const { code, message } = failureOf(error);
    return `${code}: ${message}`;
  }
};

describe('--set', () => {
  test('changes what it names, and nothing else', () => {
    const changed = withSettings(config, [
      'model.factorDim=32',
      'model.hidden=[16,8]',
      'model.network=fm',
      'outcomes.buy.window=7d',
    ]);
    const { model, outcomes } = changed;
    expect(model).toEqual({ ...config.model, factorDim: 32, hidden: [16, 8], network: 'fm' });
    expect(Object.keys(outcomes)).toEqual(['click', 'buy']);
    expect({ ...changed, model: config.model, outcomes: config.outcomes }).toEqual(config);
    expect(withSettings(config, [])).toBe(config);
  });

  test.each([
    [['model.factorDim'], 'USAGE: --set: expected a path and a value, such as model.factorDim=32'],
    [['model.hidden=[1'], 'USAGE: --set: [1 is no JSON'],
    [['partitions.many=3'], 'USAGE: --set: partitions is a value, and has no field many.'],
    [
      ['model.factorDims=3'],
      'CONFIG_INVALID: model: unknown key "factorDims", did you mean "factorDim"?',
    ],
    [['model.factorDim=many'], 'CONFIG_INVALID: model.factorDim: expected an integer'],
  ])('refuses %j', (settings, expected) => {
    expect(failure(settings)).toContain(expected);
  });
});
