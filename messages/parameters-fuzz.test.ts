import { describe, expect, test } from '@jest/globals';
import { runs } from '../core/base/runs.testkit.js';
import { Mutator } from '../core/base/mutate.testkit.js';
import { fuzzParameters } from './parameters-fuzz.testkit.js';

/** A short run of what `npm run fuzz` does a million times. */
const inputs = runs(10_000);
const seed = Date.now() >>> 0;

describe('damaged delta messages', () => {
  test(`are valid or refused with a code (seed ${seed})`, () => {
    const mutator = new Mutator(seed);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < inputs; i++) {
      const outcome = fuzzParameters(mutator);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const expected of ['BAD_MESSAGE', 'UNSUPPORTED_VERSION', 'rows', 'weights']) {
      expect([...outcomes.keys()]).toContain(expected);
    }
  });
});
