import { describe, expect, test } from '@jest/globals';
import type {
  JoinLogRecord,
  Offer,
  PersonEvent,
  PersonJoinOptions,
} from './person-join-records.testkit.js';
import { PersonJoin } from './person-join.testkit.js';

const options: PersonJoinOptions = {
  outcomes: [
    { name: 'view', from: ['view', 'purchase'], windowMs: 100 },
    { name: 'purchase', from: ['purchase'], windowMs: 1_000, given: 'view' },
    { name: 'spent', from: ['purchase'], windowMs: 1_000, sums: true },
  ],
  events: { view: {}, purchase: {}, refund: { undoes: 'purchase' }, dismiss: { negative: true } },
  latenessMs: 50,
  organicWaitMs: 50,
  copiesMs: 0,
  negativeRate: 1,
  organic: true,
  partitions: 1,
  homeOf: () => 0,
};

let ids = 0;
const offer = (more: Partial<Offer> = {}): Offer => ({
  ...{ kind: 'impression', lane: 'live', person: 'u', requestId: 'r', items: ['a'] },
  ...{ atMs: 1_000, log: 'all' },
  ...more,
});
const event = (type: string, atMs: number, more: Partial<PersonEvent> = {}): PersonEvent => ({
  ...{ kind: 'event', lane: 'live', person: 'u', item: 'a', id: `e${ids++}`, type, atMs },
  ...{ order: 'o', value: 3, drawn: ['x', 'y'], isIgnored: false },
  ...more,
});
const clock = (atMs: number, lane: 'live' | 'import' = 'live'): JoinLogRecord => ({
  ...{ kind: 'clock', lane, atMs },
});

const erase = (person: string, atMs = 2_000, isUp = true): JoinLogRecord => ({
  ...{ kind: 'erase', person, atMs, isUp },
});

/** What is learned, as `item outcome=label …`; what a partition sends to itself comes behind the rest. */
function learned(...records: JoinLogRecord[]): string[] {
  const join = new PersonJoin(0, options);
  const log = [...records];
  const samples: string[] = [];
  for (let record = log.shift(); record; record = log.shift()) {
    const output = join.take(record);
    log.unshift(...output.sent.map((each) => each.record));
    for (const { item, labels, drawnOf } of output.samples) {
      const known = Object.entries(labels).map(([name, label]) => `${name}=${label}`);
      samples.push([item, ...known, ...(drawnOf ? [`of ${drawnOf}`] : [])].join(' '));
    }
  }
  return samples;
}

describe('outcomes', () => {
  test('are learned each when it is known', () => {
    const records = [offer(), event('view', 1_010), event('purchase', 1_500), clock(3_000)];
    expect(learned(...records)).toEqual(['a view=1', 'a purchase=1', 'a spent=3']);
  });

  test('are not learned where what they are given by did not come', () => {
    expect(learned(offer(), clock(3_000))).toEqual(['a view=0', 'a spent=0']);
  });

  test('an event that comes too late for the row counts by itself', () => {
    const records = [offer(), event('view', 1_300, { requestId: 'r' }), clock(3_000)];
    expect(learned(...records)).toEqual([
      'a view=1',
      ...['x view=0 of 2', 'y view=0 of 2'],
      ...['a view=0', 'a spent=0'],
    ]);
  });

  test('a dismissal ends all that are open, and what is given by it', () => {
    expect(learned(offer(), event('dismiss', 1_010), clock(3_000))).toEqual(['a view=0 spent=0']);
  });

  test('a refund takes back the value of its order alone', () => {
    const bought = [event('purchase', 1_010), event('purchase', 1_020, { order: 'p', value: 5 })];
    const records = [offer(), ...bought, event('refund', 1_030), clock(3_000)];
    expect(learned(...records)).toEqual(['a view=1 purchase=1', 'a spent=5']);
  });
});

describe('an event without a request', () => {
  test('joins the last row before it of this person and item', () => {
    const rows = [
      offer(),
      offer({ requestId: 's', atMs: 1_050 }),
      offer({ person: 'w', requestId: 't' }),
    ];
    const said = learned(...rows, event('view', 1_060), clock(3_000));
    expect(said.filter((line) => line.startsWith('a view'))).toEqual([
      'a view=1',
      ...['a view=0', 'a view=0'],
    ]);
  });

  test('waits for rows that may come yet, and is learned against what was drawn for it', () => {
    const late = [event('view', 1_010), offer(), clock(3_000)];
    expect(learned(...late)[0]).toBe('a view=1');
    expect(learned(event('view', 1_010), clock(1_009))).toEqual([]);
    expect(learned(event('view', 1_010), clock(1_010))).toEqual([
      ...['a view=1', 'x view=0 of 2', 'y view=0 of 2'],
    ]);
  });

  test('comes from another lane than a row, and does not join it', () => {
    const records = [offer(), event('view', 1_010, { lane: 'import' }), clock(1_020, 'import')];
    expect(learned(...records)).toContain('x view=0 of 2');
  });
});

describe('what was on screen', () => {
  test('counts from then on, and what never was is not learned', () => {
    const both = offer({ items: ['a', 'b'], log: 'shown' });
    const shown = {
      kind: 'shown',
      lane: 'live',
      requestId: 'r',
      items: ['a'],
      atMs: 1_090,
    } as const;
    expect(learned(both, shown, event('view', 1_150), clock(5_000))).toEqual([
      ...['a view=1', 'a purchase=0 spent=0'],
    ]);
  });
});

describe('a visitor who logs in', () => {
  const alias = { kind: 'alias', lane: 'live', visitor: 'v', user: 'u', atMs: 1_000 } as const;

  test('takes along what he was shown', () => {
    const records = [offer({ person: 'v' }), alias, event('view', 1_020), clock(3_000)];
    expect(learned(...records)[0]).toBe('a view=1');
    expect(learned(...records)).not.toContain('x view=0 of 2');
  });

  test('is the user in all that comes later under either name', () => {
    const records = [alias, offer(), event('view', 1_020, { person: 'v' }), clock(3_000)];
    expect(learned(...records)[0]).toBe('a view=1');
  });

  test('who is erased is not learned from any more', () => {
    const records = [offer({ person: 'v' }), alias, erase('u')];
    expect(learned(...records, clock(3_000))).toEqual([]);
  });
});

describe('accounts that are merged', () => {
  const merge = (visitor: string, user: string): JoinLogRecord => ({
    ...{ kind: 'alias', lane: 'live', visitor, user, atMs: 1_000 },
  });

  test('are one: what was open of one and what comes later under its name is the other one’s', () => {
    const records = [
      ...[offer({ person: 'old' }), merge('old', 'u'), event('view', 1_020)],
      ...[offer({ requestId: 's', person: 'u' }), event('view', 1_030, { person: 'old' })],
    ];
    expect(learned(...records, clock(1_100))).toEqual(['a view=1', 'a view=1']);
  });

  test('take along who had become one of them before, or becomes him later', () => {
    const before = [offer({ person: 'v' }), merge('v', 'old'), merge('old', 'u')];
    const after = [offer({ person: 'v' }), merge('old', 'u'), merge('v', 'old')];
    for (const merged of [before, after])
      expect(learned(...merged, event('view', 1_020), clock(1_100))).toEqual(['a view=1']);
    expect(learned(...before, event('view', 1_020, { person: 'v' }), clock(1_100))).toEqual([
      'a view=1',
    ]);
  });

  test('in a circle are one all the same', () => {
    const circle = [merge('a', 'b'), merge('b', 'c'), merge('c', 'a')];
    for (const person of ['a', 'b', 'c'])
      for (const other of ['a', 'b', 'c']) {
        const shown = [...circle, offer({ person }), event('view', 1_020, { person: other })];
        expect(learned(...shown, clock(1_100))).toEqual(['a view=1']);
      }
    expect(learned(merge('u', 'u'), offer(), event('view', 1_020), clock(1_100))).toEqual([
      'a view=1',
    ]);
  });

  test('are erased together', () => {
    const records = [offer({ person: 'old' }), merge('old', 'u'), offer({ requestId: 's' })];
    expect(learned(...records, erase('u'), clock(3_000))).toEqual([]);
  });
});

describe('who is to be forgotten', () => {
  const purchase = event('purchase', 1_010);

  test('is not learned from by what comes later of a time before it, and is known anew by what happens behind it', () => {
    const late = [erase('u', 1_020), offer(), purchase, event('view', 1_015)];
    expect(learned(...late, clock(3_000))).toEqual([]);
    const anew = [offer({ requestId: 's', atMs: 1_030 }), event('view', 1_040)];
    expect(learned(...late, ...anew, clock(1_100))).toEqual(['a view=1']);
  });

  test('takes what had come before, of whatever time, and nothing of who has the name since', () => {
    const anew = [offer({ atMs: 1_030 }), erase('u', 1_020), event('view', 1_040)];
    expect(learned(...anew, clock(1_050))).toEqual([
      ...['a view=1', 'x view=0 of 2', 'y view=0 of 2'],
    ]);
    const again = [erase('u', 1_020), offer({ atMs: 1_030 }), erase('u', 1_020)];
    expect(learned(...again, event('view', 1_040), clock(1_050))).toEqual(['a view=1']);
  });

  test('takes along who became him before, also where that is heard of later', () => {
    const login: JoinLogRecord = {
      kind: 'alias',
      lane: 'live',
      visitor: 'v',
      user: 'u',
      atMs: 1_010,
    };
    const shown = offer({ person: 'v', atMs: 1_005 });
    const seen = event('view', 1_015, { person: 'v' });
    for (const records of [
      [shown, login, erase('u', 1_020), seen],
      [erase('u', 1_020), shown, login, seen],
      [shown, erase('u', 1_020), login, seen],
    ])
      expect(learned(...records, clock(3_000))).toEqual([]);
  });

  test('takes along whose account it was merged into, and not a user whom a visitor of his is now', () => {
    const merged: JoinLogRecord = {
      kind: 'alias',
      lane: 'live',
      visitor: 'old',
      user: 'u',
      atMs: 1_000,
    };
    expect(learned(offer(), merged, erase('old'), clock(3_000))).toEqual([]);
    const shared = ['u', 'w'].map((user): JoinLogRecord => {
      return { kind: 'alias', lane: 'live', visitor: 'v', user, atMs: 1_000 };
    });
    const others = [...shared, offer({ person: 'w' }), erase('u'), event('view', 1_020)];
    expect(learned(...others.slice(0, -1), event('view', 1_020, { person: 'w' }))).toEqual([
      'a view=1',
    ]);
  });

  test('has lines in the books: what was open, and what came later', () => {
    const join = new PersonJoin(0, options);
    join.take(
      offer(),
      purchase,
      erase('u', 1_020),
      offer({ requestId: 's' }),
      event('view', 1_000),
    );
    expect(join.waiting).toEqual({ outcomes: { view: 0, purchase: 0, spent: 0 }, events: 0 });
    const { outcomes, eventsErased, eventsUntold } = join.books;
    expect([outcomes['spent']!.erased, eventsErased, eventsUntold]).toEqual([2, 1, 1]);
  });
});

describe('what bots and staff were shown', () => {
  const ignored = offer({ log: 'ignored' });

  test('teaches nothing, however often it is said', () => {
    const join = new PersonJoin(0, options);
    const { samples, activity } = join.take(ignored, ignored, clock(3_000));
    expect([samples, activity]).toEqual([[], []]);
    expect(join.books).toMatchObject({ rows: 1, ignoredRows: 1, copiesOfRows: 1 });
  });

  test('is no slate of whoever answers it: he counts by himself', () => {
    const answer = event('view', 1_020, { requestId: 'r' });
    const alone = ['a view=1', 'x view=0 of 2', 'y view=0 of 2'];
    expect(learned(ignored, answer, clock(3_000))).toEqual(alone);
    expect(learned(answer, ignored, clock(3_000))).toEqual(alone);
  });
});
