import {
  bookedEvents,
  type BookedEvent,
  type Books,
  type BookTotals,
  type EventTotals,
} from '../../messages/books.js';
import { KeyTable, fingerprint } from './key-table.js';

/** Where an event was seen. */
export const seen = {
  accepted: 1,
  joined: 2,
  refused: 4,
  sampled: 8,
  /** Seen by whoever kept the books before, who has counted and judged it. */
  booked: 16,
} as const;

/** Of the outcomes of an impression, each of which is in one sample; of more of them nobody looks whether they come twice. */
export const sampledFlags: readonly number[] = [seen.sampled, 32, 64, 128];

/** What an event is known by. */
export interface EventKey {
  readonly requestId: string;
  readonly item: string;
}

/** Of the events that are still open, where the books stand now. */
export interface OpenEvents {
  /** Accepted and acknowledged, and neither in JOIN nor a dead letter: a loss, unless it comes yet. */
  readonly lost: number;
  /** In JOIN or dead letters, and not among the accepted that were read: on their way, unless nobody has sent them. */
  readonly unsent: number;
}

type Counts<T> = { -readonly [Name in keyof T]: number };

/**
 * The running totals of events: how many were accepted, joined, refused and sampled, each event once. An event is
 * remembered one by one for a while only, so that its repetition is known and each side finds the other; after that it is
 * a number in the totals. What was seen on one side only is never forgotten: it is carried on until the other side comes,
 * or is judged when it can't come any more.
 *
 *     last seen:   … ── earlier ──┬── before ──┬── now ──▶       turn(): `now` becomes `before`,
 *                     totals only │  by key    │  by key          and what was `before` is forgotten
 *
 * Rejected: to keep sums of hashes per log instead, whose difference is what is on its way. A repetition, which every log
 * may have, would have to be known to be left out of a sum; and on a cluster in use something is always on its way, so
 * that one lost event among thousands would be seen by nobody.
 */
export class EventBooks {
  #before: Readonly<Record<BookedEvent, KeyTable>> = newTables();
  #now: Readonly<Record<BookedEvent, KeyTable>> = newTables();
  readonly #events: Readonly<Record<BookedEvent, Counts<EventTotals>>>;
  readonly #totals: Counts<Omit<BookTotals, BookedEvent>>;
  #forgottenAtMs: number;
  /** Newest event time of the impressions in each table. */
  #beforeAtMs = -Infinity;
  #nowAtMs = -Infinity;
  readonly #words = new Uint32Array(2);

  /** Books that go on: first what is to be remembered is seen again, then `goOn`. */
  constructor(books?: Books) {
    const { impressions, actions, ...totals } = books?.totals ?? noTotals();
    this.#events = { impressions: { ...impressions }, actions: { ...actions } };
    this.#totals = { ...totals };
    this.#forgottenAtMs = books?.forgottenAtMs ?? -Infinity;
  }

  /** Where the logs begin later than the books could: impressions up to this event time may have been there. */
  beginAt(eventMsMax: number): void {
    this.#forgottenAtMs = Math.max(this.#forgottenAtMs, eventMsMax);
  }

  /** An event that was counted by whoever kept the books before. */
  remember(event: BookedEvent, key: EventKey, flags: number, atMs: number): void {
    this.#mark(event, key, flags | seen.booked);
    this.#nowAtMs = Math.max(this.#nowAtMs, atMs);
  }

  /** All that is to be remembered was seen. */
  goOn({ open }: Books): void {
    for (const event of bookedEvents)
      for (let i = 0; i < open[event].length; i += 3)
        this.#now[event].put(open[event][i]!, open[event][i + 1]!, open[event][i + 2]!);
    this.#before = this.#now;
    this.#beforeAtMs = this.#nowAtMs;
    this.#now = newTables();
    this.#nowAtMs = -Infinity;
  }

  /** In RAW, and acknowledged by the processor. */
  accepted(event: BookedEvent, key: EventKey): void {
    if ((this.#mark(event, key, seen.accepted) & seen.accepted) === 0)
      this.#events[event].accepted++;
  }

  /** @param atMs event time. */
  joined(event: BookedEvent, key: EventKey, atMs: number): void {
    this.#totals.joinRows++;
    const before = this.#mark(event, key, seen.joined);
    if ((before & seen.joined) === 0) this.#events[event].joined++;
    else this.#events[event].joinedAgain++;
    if (event === 'impressions') this.#nowAtMs = Math.max(this.#nowAtMs, atMs);
  }

  refused(event: BookedEvent, key: EventKey): void {
    if ((this.#mark(event, key, seen.refused) & seen.refused) === 0) this.#events[event].refused++;
  }

  /** Refused events whose content can't be read, so that nobody knows which they were. */
  refusedUnread(event: BookedEvent, count: number): void {
    this.#events[event].refused += count;
  }

  joinRowsBuried(count: number): void {
    this.#totals.joinRowsBuried += count;
  }

  /** Samples that no trainer could learn. */
  samplesBuried(count: number): void {
    this.#totals.samplesBuried += count;
  }

  /**
   * After all of JOIN that was there when the sample was.
   * @param atMs event time of the impression. @param known flags of the outcomes that it has: each is in one sample.
   */
  sampled(key: EventKey, atMs: number, known: number = seen.sampled): void {
    this.#totals.samples++;
    const before = this.#mark('impressions', key, known);
    if ((before & known) !== 0) this.#totals.sampledTwice++;
    else if ((before & seen.joined) === 0 && atMs > this.#forgottenAtMs)
      this.#totals.sampledUnjoined++;
  }

  /** Of an event of its own accord. */
  sampledAlone(): void {
    this.#totals.samples++;
  }

  get totals(): BookTotals {
    const { impressions, actions } = this.#events;
    return { ...this.#totals, impressions: { ...impressions }, actions: { ...actions } };
  }

  /** Events that are remembered one by one. */
  get remembered(): number {
    const tables = bookedEvents.flatMap((event) => [this.#before[event], this.#now[event]]);
    return tables.reduce((sum, { count }) => sum + count, 0);
  }

  /** @param offered events that were accepted and not read here yet. */
  openOf(event: BookedEvent, offered?: KeyTable): OpenEvents {
    const open = { lost: 0, unsent: 0 };
    this.#forEach(event, (low, high, flags) => {
      if (isLost(flags)) open.lost++;
      else if (isUnsent(flags) && !offered?.flagsAt(low, high)) open.unsent++;
    });
    return open;
  }

  /**
   * Forgets what was last seen before the last turn. What is open of it is carried on, or judged: it is missing if all of
   * JOIN and dead letters was read (`isDue`), and in surplus if all was read that could have been accepted before
   * (`isSent`).
   */
  turn(judge: { readonly isDue: boolean; readonly isSent: boolean }): void {
    const next = newTables();
    for (const event of bookedEvents)
      this.#before[event].forEach((low, high, flags) => {
        if (this.#now[event].flagsAt(low, high) !== 0) return;
        if (isLost(flags) && judge.isDue) this.#events[event].missing++;
        else if (isUnsent(flags) && judge.isSent) this.#events[event].surplus++;
        else if (isLost(flags) || isUnsent(flags)) next[event].add(low, high, flags);
      });
    this.#forgottenAtMs = Math.max(this.#forgottenAtMs, this.#beforeAtMs);
    this.#before = this.#now;
    this.#beforeAtMs = this.#nowAtMs;
    this.#now = next;
    this.#nowAtMs = -Infinity;
  }

  /** Nobody is to look for those that are in JOIN and were not accepted so far. */
  forgive(): void {
    for (const event of bookedEvents) {
      const unsent: [number, number, number][] = [];
      this.#forEach(event, (low, high, flags) => {
        if (isUnsent(flags)) unsent.push([low, high, flags]);
      });
      for (const [low, high, flags] of unsent) this.#now[event].put(low, high, flags | seen.booked);
    }
  }

  /** As they can be written down right after a turn. */
  record(): Pick<Books, 'totals' | 'forgottenAtMs' | 'open'> {
    const open = {
      impressions: this.#openWords('impressions'),
      actions: this.#openWords('actions'),
    };
    return { totals: this.totals, forgottenAtMs: this.#forgottenAtMs, open };
  }

  #openWords(event: BookedEvent): Uint32Array {
    const words: number[] = [];
    this.#forEach(event, (low, high, flags) => {
      if (isLost(flags) || isUnsent(flags)) words.push(low, high, flags);
    });
    return Uint32Array.from(words);
  }

  #mark(event: BookedEvent, { requestId, item }: EventKey, flags: number): number {
    fingerprint(requestId, item, this.#words);
    const low = this.#words[0]!;
    const high = this.#words[1]!;
    const now = this.#now[event];
    const before = now.flagsAt(low, high) || this.#before[event].flagsAt(low, high);
    now.put(low, high, before | flags);
    return before;
  }

  /** Each event once: in `now` it is as it was seen last. */
  #forEach(event: BookedEvent, visit: (low: number, high: number, flags: number) => void): void {
    const now = this.#now[event];
    this.#before[event].forEach((low, high, flags) => {
      if (now.flagsAt(low, high) === 0) visit(low, high, flags);
    });
    now.forEach(visit);
  }
}

function isLost(flags: number): boolean {
  const some = seen.accepted | seen.joined | seen.refused | seen.booked;
  return (flags & some) === seen.accepted;
}

/** A sample alone is not: its impression may be forgotten, and else it is in the totals. */
function isUnsent(flags: number): boolean {
  return (
    (flags & (seen.accepted | seen.booked)) === 0 && (flags & (seen.joined | seen.refused)) !== 0
  );
}

function newTables(): Readonly<Record<BookedEvent, KeyTable>> {
  return { impressions: new KeyTable(), actions: new KeyTable() };
}

function noTotals(): BookTotals {
  const none = { accepted: 0, refused: 0, joined: 0, joinedAgain: 0, missing: 0, surplus: 0 };
  const samples = { samples: 0, sampledTwice: 0, sampledUnjoined: 0, samplesBuried: 0 };
  return { impressions: none, actions: none, joinRows: 0, joinRowsBuried: 0, ...samples };
}
