import { asFields, asMessage, number, wrong, type Fields } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/**
 * The books of a cluster: what was in the logs of events, also where they have lost their beginning to age. One key in the
 * CLUSTER bucket, written by the leader, read by the leaders to come and by the audit, which go on reading where it ends.
 */
export interface Books {
  readonly atMs: number;
  /** By name. */
  readonly streams: Readonly<Record<string, StreamBook>>;
  readonly totals: BookTotals;
  /** Impressions up to this event time are not remembered one by one; −Infinity: all are. */
  readonly forgottenAtMs: number;
  /** Events that were seen on one side only, as three words each: fingerprint, low and high, and flags. */
  readonly open: Readonly<Record<BookedEvent, Uint32Array>>;
}

export const bookedEvents = ['impressions', 'actions'] as const;
export type BookedEvent = (typeof bookedEvents)[number];

/** Sequences of one stream. */
export interface StreamBook {
  /** With this one the books begin. */
  readonly from: number;
  /** All up to here is in the totals. */
  readonly through: number;
  /** What follows it up to `through` is read again by whoever goes on, so that he knows an event that comes again. */
  readonly remember: number;
  /** Messages that had gone before the books had them, and those that a log has lost at its end. */
  readonly gone: number;
}

export interface BookTotals extends Readonly<Record<BookedEvent, EventTotals>> {
  /** Rows of JOIN, repeated ones too. */
  readonly joinRows: number;
  /** Rows of JOIN that became dead letters, since no joiner could read them. */
  readonly joinRowsBuried: number;
  readonly samples: number;
  /** Samples that came again, and those of impressions that never came to JOIN. */
  readonly sampledTwice: number;
  readonly sampledUnjoined: number;
  /** Samples that became dead letters, since no trainer could learn them; their batches are in all ledgers. 0 in books of before. */
  readonly samplesBuried: number;
}

/** Of different events, unless they are named otherwise. */
export interface EventTotals {
  readonly accepted: number;
  readonly refused: number;
  readonly joined: number;
  /** Came to JOIN again. */
  readonly joinedAgain: number;
  /** Accepted and nowhere after. */
  readonly missing: number;
  /** In JOIN or dead letters, and never accepted. */
  readonly surplus: number;
}

const eventTotalNames = [
  'accepted',
  'refused',
  'joined',
  'joinedAgain',
  'missing',
  'surplus',
] as const satisfies readonly (keyof EventTotals)[];

const bookTotalNames = [
  'joinRows',
  'joinRowsBuried',
  'samples',
  'sampledTwice',
  'sampledUnjoined',
  'samplesBuried',
] as const satisfies readonly (keyof BookTotals)[];

export const booksKey = 'books';

export function encodeBooks(books: Books): Uint8Array {
  return encode({ v: protocolVersion, ...books });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeBooks(bytes: Uint8Array): Books {
  const what = 'books';
  const fields = asMessage(decode(bytes), what);
  const streams = asFields(fields['streams'], `${what}.streams`);
  const totals = asFields(fields['totals'], `${what}.totals`);
  const open = asFields(fields['open'], `${what}.open`);
  const eventsOf = (event: BookedEvent): EventTotals => {
    const name = `${what}.totals.${event}`;
    return countsOf(eventTotalNames, asFields(totals[event], name), name);
  };
  return {
    atMs: number(fields, 'atMs', what),
    streams: Object.fromEntries(
      Object.entries(streams).map(([name, value]) => [name, streamOf(name, value)]),
    ),
    totals: {
      ...countsOf(bookTotalNames, { samplesBuried: 0, ...totals }, `${what}.totals`),
      impressions: eventsOf('impressions'),
      actions: eventsOf('actions'),
    },
    forgottenAtMs: number(fields, 'forgottenAtMs', what),
    open: { impressions: openOf(open, 'impressions'), actions: openOf(open, 'actions') },
  };
}

function streamOf(name: string, value: unknown): StreamBook {
  const what = `books.streams.${name}`;
  return countsOf(['from', 'through', 'remember', 'gone'], asFields(value, what), what);
}

function countsOf<Name extends string>(
  names: readonly Name[],
  fields: Fields,
  what: string,
): Readonly<Record<Name, number>> {
  const counts = names.map((name) => {
    const count = number(fields, name, what);
    if (!Number.isSafeInteger(count) || count < 0)
      throw wrong(what, name, 'a natural number', count);
    return [name, count] as const;
  });
  return Object.fromEntries(counts) as Record<Name, number>;
}

function openOf(fields: Fields, name: BookedEvent): Uint32Array {
  const value = fields[name];
  if (!(value instanceof Uint32Array) || value.length % 3 !== 0)
    throw wrong('books.open', name, 'three words for each event', value);
  return value;
}
