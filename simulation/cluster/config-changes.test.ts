import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../core/base/runs.testkit.js';
import { changedConfig, configChangeNames } from './config-changes.js';
import { simulatedConfig } from './simulated-config.js';

test('changes of a configuration can be made of each other, as often as one likes', () => {
  const change = fc.tuple(
    fc.constantFrom(...configChangeNames.filter((name) => name !== 'what is impossible')),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
      let config = simulatedConfig;
      for (const [name, chance] of changes) config = changedConfig(name, config, chance) ?? config;
      expect(Object.keys(config.features)).toContain('user');
    }),
    { numRuns: runs(200) },
  );
});
