import { describe, expect, test } from '@jest/globals';
import { IntervalSet } from '../../core/base/interval-set.js';
import type { BookedStream } from '../../cluster/books/books-reader.js';
import type { Findings, Verdict } from './laws.js';
import { lawsOf, verdictOf } from './laws.js';

const events = { accepted: 10, missing: 0, surplus: 0, refused: 1, joined: 9, joinedAgain: 0 };
const joiners = {
  impressions: 9,
  actions: 5,
  duplicates: 2,
  passedImpressions: 2,
  received: 2,
  samples: 6,
  positives: 4,
  negatives: 2,
  negativesDropped: 1,
  ...{ notGiven: 0, notSeen: 0, erased: 0, passed: 1, passedIn: 1 },
  ...{ lateImpressions: 1, ignoredImpressions: 0 },
  open: 1,
};
const served = {
  ...{ name: 'rows served in east', copies: 4, equal: 4 },
  ...{ differing: [], silent: [], coming: [] },
};
const balanced: Findings = {
  impressions: events,
  actions: { ...events, accepted: 5, joined: 4 },
  joinRows: 17,
  joinRowsBuried: 1,
  samples: 6,
  sampledTwice: 0,
  sampledUnjoined: 0,
  samplesBuried: 0,
  joiners,
  untold: [],
  joinersComing: false,
  batches: 3,
  batchesDue: 3,
  applied: [
    { name: 'partition 0', set: new IntervalSet(4) },
    { name: 'the network', set: new IntervalSet(4) },
  ],
  copies: [served],
  books: [],
  inFlight: { joining: 0 },
};

function broken(...looks: Findings[]): string[] {
  return lawsOf(looks)
    .filter(({ verdict }) => verdict === 'violated')
    .map(({ name, remark }) => `${name}: ${remark}`);
}

function verdicts(...looks: Findings[]): Readonly<Record<string, Verdict>> {
  const others = lawsOf(looks).filter(({ verdict }) => verdict !== 'holds');
  return Object.fromEntries(others.map(({ name, verdict }) => [name, verdict]));
}

const log = (name: BookedStream['log'], change: Partial<BookedStream> = {}): BookedStream => ({
  ...{ stream: name.toUpperCase(), log: name, from: 1, through: 90, remember: 80, gone: 0 },
  ...change,
});

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
      /events joined/,
    ],
    ['one that is nowhere', { joiners: { ...joiners, open: 0 } }, /impressions settled/],
    [
      'one that is ignored and open too',
      { joiners: { ...joiners, ignoredImpressions: 1 } },
      /impressions settled: .* 1 ignored, 1 open/,
    ],
    ['a sample that came twice', { sampledTwice: 1 }, /samples: 1 came twice/],
    [
      'a sample of nothing',
      { sampledUnjoined: 1, samplesBuried: 0 },
      /samples: 1 are of impressions/,
    ],
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

  test.each(['events joined', 'impressions settled', 'samples'])(
    'do not hold where a joiner has not told a figure: %s',
    (name) => {
      const untold = ['train.joiner.0 has not told lateImpressions'];
      const silent = { ...balanced, joiners: undefined, untold };
      for (const looks of [[silent], [balanced, balanced, silent]]) {
        const law = lawsOf(looks).find((each) => each.name === name)!;
        expect(law.verdict).toBe('violated');
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
      joinRows: n + 8,
      joiners: { ...joiners, impressions: counted, open: counted - 8 },
      batches: n,
      batchesDue: n - 4,
      applied: [{ name: 'partition 0', set: new IntervalSet(n - 2) }],
    });
    expect(broken(at(20, 15), at(40, 33), at(60, 55))).toEqual([]);
    // One that the joiners have counted and nobody sees, for as long as one looks.
    expect(broken(at(20, 20), at(20, 21), at(20, 21))).toHaveLength(1);
  });

  test('are under way while joiners have not come to all that is in JOIN', () => {
    const behind: Findings = {
      ...balanced,
      ...{ joinRows: 40, samples: 4 },
      inFlight: { joining: 3 },
    };
    expect(verdicts(behind)).toEqual({ 'events joined': 'under way', samples: 'under way' });
    expect(verdictOf(lawsOf([behind]))).toBe('under way');
    // Nothing is on its way, so it will never come.
    const lost = { ...behind, inFlight: { joining: 0 } };
    expect(verdicts(lost)).toEqual({ 'events joined': 'violated', samples: 'violated' });
    // What is wrong anyway does not become right.
    expect(verdicts({ ...behind, sampledTwice: 1 })).toMatchObject({ samples: 'violated' });
  });

  test('are under way while a joiner is not there yet', () => {
    const untold = ['train.joiner.0 has not told open'];
    const silent = { ...balanced, joiners: undefined, untold, joinersComing: true };
    expect(verdicts(silent)).toEqual({
      ...{ 'events joined': 'under way', 'impressions settled': 'under way' },
      samples: 'under way',
    });
  });

  test('are under way where copies move on or are not there yet, and violated where they differ', () => {
    const of = (change: Partial<(typeof balanced.copies)[number]>) =>
      verdicts({ ...balanced, copies: [{ ...served, ...change }] });
    expect(of({ equal: 3 })).toEqual({ 'rows served in east': 'under way' });
    expect(of({ coming: ['east.serving-shard.0: it is restarting'] })).toEqual({
      'rows served in east': 'under way',
    });
    for (const change of [{ differing: ['partition 3'] }, { silent: ['TIMEOUT'] }])
      expect(of({ ...change, coming: ['it is restarting'] })).toEqual({
        'rows served in east': 'violated',
      });
  });

  test('are under way where it is not known who waits for a processor', () => {
    const waiting = { ...balanced, impressions: { ...events, surplus: undefined } };
    expect(verdicts(waiting)).toEqual({ 'impressions accepted': 'under way' });
  });

  test('say from where on the books have a log, and are violated by what has gone from it', () => {
    const late: Findings = {
      ...balanced,
      ...{ joinRows: 3, samples: 2 },
      books: [log('raw', { from: 50 }), log('join', { from: 7 }), log('samples', { from: 8 })],
    };
    expect(verdicts(late)).toEqual({});
    const remarks = lawsOf([late]).map(({ remark }) => remark);
    expect(remarks[0]).toContain('RAW is in the books from 50 on');
    expect(remarks[2]).toContain('JOIN is in the books from 7 on');
    expect(verdicts({ ...late, sampledTwice: 1 })).toEqual({ samples: 'violated' });
    const gone = { ...balanced, books: [log('raw'), log('samples', { gone: 4 })] };
    expect(broken(gone)).toEqual([
      'samples: 4 messages of SAMPLES have gone: nobody knows what became of them',
    ]);
  });
});
