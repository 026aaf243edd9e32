import { describe, expect, test } from '@jest/globals';
import type { Fault } from './faults/fault.js';
import { Simulation } from './simulation.js';

interface Regression {
  readonly what: string;
  readonly seed: number;
  readonly minutes: number;
  /** What was left of the schedule of the seed that found it. */
  readonly schedule: readonly Fault[];
}

/** Defects that a seed has found, with the shortest schedule that showed them. Each failed before it was mended. */
const regressions: readonly Regression[] = [
  {
    what: 'a shard whose host was taken for lost, and that lives, does not fight for its partitions with its successor',
    seed: 11,
    minutes: 1,
    schedule: [{ kind: 'pause host', atMs: 12_000, forMs: 9_000, target: 0.1, other: 0 }],
  },
];

describe('what was found by a seed', () => {
  test.each(regressions)(
    '$what',
    async ({ seed, minutes, schedule }) => {
      const { violation } = await Simulation.run({ seed, minutes, schedule });
      expect(violation).toBeUndefined();
    },
    120_000,
  );
});
