import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../core/base/runs.testkit.js';
import { decodeBooks, encodeBooks, type BookedEvent } from '../../messages/books.js';
import { EventBooks, seen } from './event-books.js';

const fates = ['joined', 'refused', 'lost', 'unsent'] as const;

/** What becomes of an event, in turns of the books. */
interface Plan {
  readonly event: BookedEvent;
  readonly fate: (typeof fates)[number];
  /** When it is seen in JOIN or dead letters; one that is lost is accepted then. */
  readonly at: number;
  /** Its acknowledgement comes so many turns later. */
  readonly late: number;
  /** Seen again so many turns after the first time; none is later than a turn after its acknowledgement. */
  readonly again: readonly number[];
  readonly sampledAfter: number | undefined;
  readonly sampledTwice: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  event: fc.constantFrom<BookedEvent>('impressions', 'actions'),
  fate: fc.constantFrom(...fates),
  at: fc.nat(9),
  late: fc.nat(4),
  again: fc.array(fc.nat(5), { maxLength: 3 }),
  sampledAfter: fc.option(fc.nat(6), { nil: undefined }),
  sampledTwice: fc.boolean(),
});

/** One thing that is read: counted, or seen again by whoever goes on with written books. */
interface Reading {
  readonly count: (books: EventBooks) => void;
  readonly remember: (books: EventBooks) => void;
}

const turns = 18;

/** By turn, in the order of a reader: JOIN and dead letters, then RAW, then SAMPLES. */
function readingsOf(plans: readonly Plan[]): Reading[][] {
  const readings: Reading[][][] = Array.from({ length: turns }, () => [[], [], []]);
  plans.forEach((each, i) => {
    const { event, fate, at, late, again, sampledAfter } = each;
    const key = { requestId: `r${i}`, item: 'x' };
    const add = (turn: number, order: number, reading: Reading): void =>
      void readings[turn]![order]!.push(reading);
    const accept = {
      count: (books: EventBooks) => books.accepted(event, key),
      remember: (books: EventBooks) => books.remember(event, key, seen.accepted, -Infinity),
    };
    if (fate === 'lost') return add(at, 1, accept);
    const see =
      fate === 'refused'
        ? {
            count: (books: EventBooks) => books.refused(event, key),
            remember: (books: EventBooks) => books.remember(event, key, seen.refused, -Infinity),
          }
        : {
            count: (books: EventBooks) => books.joined(event, key, at),
            remember: (books: EventBooks) => books.remember(event, key, seen.joined, at),
          };
    add(at, 0, see);
    if (fate === 'unsent') return;
    for (const offset of again.filter((turn) => turn <= late + 1)) add(at + offset, 0, see);
    add(at + late, 1, accept);
    if (fate !== 'joined' || event !== 'impressions' || sampledAfter === undefined) return;
    const sample = {
      count: (books: EventBooks) => books.sampled(key, at),
      remember: (books: EventBooks) => books.remember('impressions', key, seen.sampled, -Infinity),
    };
    add(at + sampledAfter, 2, sample);
    if (each.sampledTwice) add(at + sampledAfter, 2, sample);
  });
  return readings.map((orders) => orders.flat());
}

/** What of it a plain count of the plans says. */
function expectedOf(plans: readonly Plan[]) {
  const of = (event: BookedEvent) => plans.filter((each) => each.event === event);
  const totals = (event: BookedEvent) => ({
    accepted: of(event).filter(({ fate }) => fate !== 'unsent').length,
    missing: of(event).filter(({ fate }) => fate === 'lost').length,
    surplus: of(event).filter(({ fate }) => fate === 'unsent').length,
  });
  const samples = of('impressions').filter(
    ({ fate, sampledAfter }) => fate === 'joined' && sampledAfter !== undefined,
  );
  const twice = samples.filter(({ sampledTwice }) => sampledTwice).length;
  const rows = plans.map(({ fate, again, late }) => {
    if (fate === 'unsent') return 1;
    return fate === 'joined' ? 1 + again.filter((turn) => turn <= late + 1).length : 0;
  });
  return {
    ...{ impressions: totals('impressions'), actions: totals('actions') },
    joinRows: rows.reduce((sum, count) => sum + count, 0),
    samples: samples.length + twice,
    sampledTwice: twice,
    sampledUnjoined: 0,
  };
}

/** No event of `before` may be accepted later than now. */
const isSent = (plans: readonly Plan[], turn: number): boolean =>
  plans.every(({ fate, at, late }) => fate === 'lost' || at >= turn || at + late <= turn);

describe('the books of events', () => {
  test('say what a plain count says, whenever they are written down and somebody else goes on', () => {
    fc.assert(
      fc.property(
        fc.array(plan, { maxLength: 60 }),
        fc.uniqueArray(fc.nat(turns - 1), { maxLength: 6 }),
        (plans, restarts) => {
          let books = new EventBooks();
          readingsOf(plans).forEach((readings, turn) => {
            for (const { count } of readings) count(books);
            books.turn({ isDue: true, isSent: isSent(plans, turn) });
            if (!restarts.includes(turn)) return;
            const written = decodeBooks(encodeBooks({ atMs: 0, streams: {}, ...books.record() }));
            books = new EventBooks(written);
            for (const { remember } of readings) remember(books);
            books.goOn(written);
          });
          const expected = expectedOf(plans);
          expect(books.totals).toMatchObject(expected);
          for (const event of ['impressions', 'actions'] as const)
            expect(books.openOf(event)).toEqual({ lost: 0, unsent: 0 });
          expect(books.remembered).toBe(0);
        },
      ),
      { numRuns: runs(150) },
    );
  });

  const key = { requestId: 'r', item: 'x' };

  test('call what is open lost or unsent at once, and judge it when it can come no more', () => {
    const books = new EventBooks();
    books.accepted('actions', key);
    books.joined('impressions', key, 5);
    expect(books.openOf('actions')).toEqual({ lost: 1, unsent: 0 });
    expect(books.openOf('impressions')).toEqual({ lost: 0, unsent: 1 });
    for (let turn = 0; turn < 5; turn++) books.turn({ isDue: false, isSent: false });
    expect(books.totals.actions.missing + books.totals.impressions.surplus).toBe(0);
    // One comes after all, the other does not.
    books.joined('actions', key, 5);
    for (let turn = 0; turn < 2; turn++) books.turn({ isDue: true, isSent: true });
    expect(books.totals.actions).toMatchObject({ accepted: 1, joined: 1, missing: 0 });
    expect(books.totals.impressions).toMatchObject({ accepted: 0, joined: 1, surplus: 1 });
  });

  test('know a sample of no impression by its time, when they have forgotten the others', () => {
    const books = new EventBooks();
    books.joined('impressions', key, 5);
    books.accepted('impressions', key);
    for (let turn = 0; turn < 3; turn++) books.turn({ isDue: true, isSent: true });
    books.sampled(key, 5);
    expect(books.totals.sampledUnjoined).toBe(0);
    books.sampled({ requestId: 'never', item: 'x' }, 6);
    expect(books.totals.sampledUnjoined).toBe(1);
  });

  test('that begin late look for nobody who is not there', () => {
    const books = new EventBooks();
    books.beginAt(10);
    books.joined('impressions', key, 5);
    books.sampled({ requestId: 'before', item: 'x' }, 9);
    books.forgive();
    for (let turn = 0; turn < 3; turn++) books.turn({ isDue: true, isSent: true });
    expect(books.totals).toMatchObject({ impressions: { surplus: 0 }, sampledUnjoined: 0 });
  });
});
