import { describe, expect, test } from '@jest/globals';
import { runs } from '../../base/runs.testkit.js';
import { Mutator } from '../../base/mutate.testkit.js';
import { fuzzSnapshot } from './snapshot-fuzz.testkit.js';

/** A short run of what `npm run fuzz` does a million times. */
const inputs = runs(10_000);
const seed = Date.now() >>> 0;

describe('damaged snapshots', () => {
  test(`are read or refused with a code and a chunk (seed ${seed})`, () => {
    const mutator = new Mutator(seed);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < inputs; i++) {
      const outcome = fuzzSnapshot(mutator);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // Changes to weights whose checksum is put right again are not found; the others reach each kind of refusal.
    expect([...outcomes.keys()].sort()).toEqual([
      'SNAPSHOT_CORRUPT',
      'SNAPSHOT_MISMATCH',
      'SNAPSHOT_VERSION',
      'read',
    ]);
  });
});
