import { describe, expect, test } from '@jest/globals';
import { IntervalSet } from '../../core/base/interval-set.js';
import type { Findings } from './laws.js';
import { lawsOf } from './laws.js';

const events = { accepted: 10, missing: 0, surplus: 0, refused: 1, joined: 9, joinedAgain: 0 };
const joiners = {
  impressions: 9,
  positives: 4,
  negatives: 2,
  negativesDropped: 1,
  lateImpressions: 1,
  open: 1,
};
const balanced: Findings = {
  impressions: events,
  actions: { ...events, accepted: 5, joined: 4 },
  samples: 6,
  sampledTwice: 0,
  sampledUnjoined: 0,
  joiners,
  untold: [],
  batches: 3,
  batchesDue: 3,
  applied: [
    { name: 'partition 0', set: new IntervalSet(4) },
    { name: 'the network', set: new IntervalSet(4) },
  ],
  copies: [{ name: 'rows served in east', copies: 4, equal: 4, differing: [], silent: [] }],
  trimmed: [],
  inFlight: {},
};

function broken(...looks: Findings[]): string[] {
  return lawsOf(looks)
    .filter(({ holds }) => !holds)
    .map(({ name, remark }) => `${name}: ${remark}`);
}

const without = (...missing: number[]): IntervalSet => {
  const set = new IntervalSet();
  for (let n = 1; n <= 12; n++) if (!missing.includes(n)) set.add(n);
  return set;
};

describe('the conservation laws', () => {
  test('hold where everything is somewhere', () => {
    expect(broken(balanced)).toEqual([]);
  });

  test.each<[string, Partial<Findings>, RegExp]>([
    [
      'a lost impression',
      { impressions: { ...events, missing: 1, joined: 8 } },
      /impressions accepted: 1 accepted and nowhere after/,
    ],
    [
      'an impression that nobody sent',
      { impressions: { ...events, surplus: 2 } },
      /impressions accepted: 2 in JOIN that nobody sent/,
    ],
    [
      'a lost action',
      { actions: { ...events, missing: 3 } },
      /actions accepted: 3 accepted and nowhere after/,
    ],
    [
      'an impression that the joiners did not count',
      { joiners: { ...joiners, impressions: 8, open: 0 } },
      /impressions joined/,
    ],
    ['one that is nowhere', { joiners: { ...joiners, open: 0 } }, /impressions settled/],
    ['a sample that came twice', { sampledTwice: 1 }, /samples: 1 came twice/],
    ['a sample of nothing', { sampledUnjoined: 1 }, /samples: 1 are of impressions/],
    ['a sample too few', { samples: 5 }, /samples/],
    [
      'batches that were not applied',
      {
        batches: 12,
        batchesDue: 12,
        applied: [{ name: 'partition 3', set: without(2, 7, 8, 12) }],
      },
      /batches in partition 3: missing 2, 7–8, 12/,
    ],
    [
      'batches that were never emitted',
      { batches: 10, batchesDue: 10, applied: [{ name: 'partition 3', set: without(7) }] },
      /missing 7, never emitted 11–12/,
    ],
  ])('are broken by %s, which is named', (_what, change, text) => {
    const found = broken({ ...balanced, ...change });
    expect(found.join('\n')).toMatch(text);
  });

  test.each(['impressions joined', 'impressions settled', 'samples'])(
    'do not hold where a joiner has not told a figure: %s',
    (name) => {
      const untold = ['train.joiner.0 has not told lateImpressions'];
      const silent = { ...balanced, joiners: undefined, untold };
      for (const looks of [[silent], [balanced, balanced, silent]]) {
        const law = lawsOf(looks).find((each) => each.name === name)!;
        expect(law.holds).toBe(false);
        expect([law.left.count, law.right.count]).toContain(null);
        expect(law.remark).toBe(untold[0]);
      }
      expect(broken(silent, silent, balanced)).toEqual([]);
    },
  );

  test('do not mind what is on its way', () => {
    const at = (n: number, counted: number): Findings => ({
      ...balanced,
      impressions: { ...events, accepted: n + 9, joined: n },
      joiners: { ...joiners, impressions: counted, open: counted - 8 },
      batches: n,
      batchesDue: n - 4,
      applied: [{ name: 'partition 0', set: new IntervalSet(n - 2) }],
    });
    expect(broken(at(20, 15), at(40, 33), at(60, 55))).toEqual([]);
    // One that the joiners have counted and nobody sees, for as long as one looks.
    expect(broken(at(20, 20), at(20, 21), at(20, 21))).toHaveLength(1);
  });

  test('are checked for the rest of a stream that has lost its beginning, and say so', () => {
    const findings: Findings = {
      ...balanced,
      impressions: { ...events, accepted: 4, surplus: 5 },
      samples: 2,
      trimmed: ['RAW_EAST', 'JOIN', 'SAMPLES'],
    };
    expect(broken(findings)).toEqual([]);
    const remarks = lawsOf([findings]).map(({ remark }) => remark);
    expect(remarks[0]).toContain('RAW has lost its beginning');
    expect(broken({ ...findings, impressions: { ...events, missing: 1 } })).toHaveLength(1);
    expect(broken({ ...findings, sampledTwice: 1 })).toHaveLength(1);
  });
});
