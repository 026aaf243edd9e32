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
  {
    what: 'a joiner whose disk is lost goes on counting where it was, also where bots were shown something and there are several outcomes',
    seed: 1,
    minutes: 1,
    schedule: [
      {
        kind: 'lose data center',
        atMs: 5500.296049052849,
        forMs: 2771.3917014189065,
        target: 0.0669507454149425,
        other: 0.944737579440698,
      },
      {
        kind: 'kill actor',
        atMs: 11108.720056945458,
        forMs: 0,
        target: 0.0792827014811337,
        other: 0.22501906123943627,
      },
      {
        kind: 'crash host',
        atMs: 16883.07040766813,
        forMs: 0,
        target: 0.5722297779284418,
        other: 0.07685548230074346,
      },
      {
        kind: 'ambush',
        atMs: 25370.53836323321,
        forMs: 16780.3792655468,
        target: 0.8665961748920381,
        other: 0.587983331643045,
      },
    ],
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
