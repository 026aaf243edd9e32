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
  {
    what: 'a shard that dies at its start elsewhere does not take from its earlier life, whose host was taken for lost, what that one serves',
    seed: 175,
    minutes: 1,
    schedule: [
      {
        kind: 'break connection',
        atMs: 12554.241712205112,
        forMs: 0,
        target: 0.5969887406099588,
        other: 0.912930968683213,
      },
      {
        kind: 'pause host',
        atMs: 15329.073902452365,
        forMs: 8265.005578054115,
        target: 0.07048044539988041,
        other: 0.5752162239514291,
      },
      {
        kind: 'slow start',
        atMs: 16122.124531073496,
        forMs: 3708.4522715304047,
        target: 0.6875860071741045,
        other: 0.5711326412856579,
      },
      {
        kind: 'delay messages',
        atMs: 18156.75364458002,
        forMs: 4324.028787668794,
        target: 0.5321994361001998,
        other: 0.6064962681848556,
      },
    ],
  },
  {
    what: 'who was erased while a data center could take no snapshot is in no snapshot and no log when that is said to be done',
    seed: 17,
    minutes: 2,
    schedule: [
      {
        kind: 'erase person',
        atMs: 5522.168674739078,
        forMs: 0,
        target: 0.9277186703402549,
        other: 0.18236071709543467,
      },
      {
        kind: 'roll back configuration',
        atMs: 16005.486286291853,
        forMs: 0,
        target: 0.024460323620587587,
        other: 0.45528670167550445,
      },
      {
        kind: 'pause host',
        atMs: 22166.011265059933,
        forMs: 2555.97393901553,
        target: 0.5634710334707052,
        other: 0.6499605036806315,
      },
      {
        kind: 'stall connection',
        atMs: 22173.308136919513,
        forMs: 6325.703961309046,
        target: 0.6076997262425721,
        other: 0.7072163296397775,
      },
      {
        kind: 'cut both ways',
        atMs: 23141.354524111375,
        forMs: 2951.369433081709,
        target: 0.9416643548756838,
        other: 0.2904700848739594,
      },
      {
        kind: 'pause host',
        atMs: 23501.57107207924,
        forMs: 2676.651200396009,
        target: 0.36666271602734923,
        other: 0.05697689764201641,
      },
      {
        kind: 'freeze machine',
        atMs: 27224.886777391657,
        forMs: 5588.743690866977,
        target: 0.43788198102265596,
        other: 0.9995340767782182,
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
