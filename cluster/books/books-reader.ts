import type { BookedEvent, Books, StreamBook } from '../../messages/books.js';
import { bookedEvents, booksKey, decodeBooks, encodeBooks } from '../../messages/books.js';
import { lastToken } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { StreamMessage, StreamState } from '../../runtime/bus/logs.js';
import { replayWhile } from '../../runtime/followers/follow.js';
import { EventBooks, seen } from './event-books.js';
import {
  eventOfType,
  isImport,
  joinedEvent,
  keysIn,
  keysOf,
  lettersIn,
  positionIn,
  sampleKeysIn,
  offeredEvent,
  tryDecode,
  type TimedKey,
} from './event-keys.js';
import { KeyTable } from './key-table.js';

/**
 * How long an event is remembered one by one, at least; at most twice as long. Too short: what a processor that hung has
 * written late counts as an event that nobody sent. Too long: the memory of whoever keeps the books, some 20 bytes an event.
 */
const rememberMsDefault = 600_000;
/** By which clocks of servers may differ. Too low: a sample may seem to be older than its impression. */
const clocksDifferMs = 60_000;
/** How far ahead of its acceptance an event may claim to be (actors/processor). */
const aheadMsMax = 3_600_000;
/** After all was read for the first time, before what is open is judged: somebody may have answered who leads no more. */
const graceMs = 60_000;
/** Beyond so many messages that wait for their processors, it is not looked up which events they are. */
const waitingMax = 20_000;

/** One log of events in the books. */
export interface BookedStream extends StreamBook {
  readonly stream: string;
  readonly log: 'raw' | 'join' | 'samples' | 'deadLetter';
}

interface Position {
  from: number;
  through: number;
  remember: number;
  gone: number;
  /** Where `through` was at the last turn. */
  turned: number;
  /** When the message after `through` was stored, where that was seen. */
  nextAtMs: number | undefined;
  /** All that was stored before is in the books. */
  readAtMs: number;
}

/** What there is of a log, looked up before anything is read. */
interface End extends StreamState {
  /** Up to here it is read. */
  readonly readable: number;
}

interface Ends {
  readonly streams: ReadonlyMap<string, End>;
  readonly left: ReadonlyMap<string, number>;
  readonly atMs: number;
}

/**
 * Reads the logs of events into the books, each message once: a second look goes on where the first ended, and a new reader
 * where the written books end. A message of RAW is read when it is acknowledged, so that whatever came of it is in the other
 * logs by then; where they end is looked up after that.
 *
 * What is long past is read piece by piece and forgotten piece by piece, so that memory follows the load and not the backlog.
 */
export class BooksReader {
  readonly books: EventBooks;
  readonly #bus: Bus;
  readonly #rememberMs: number;
  readonly #positions = new Map<string, Position>();
  readonly #buried = new Set<string>();
  /** Of the written books; 0: there are none. */
  #revision: number;
  /** Undefined once what is to be remembered of them was seen. */
  #written: Books | undefined;
  /** When all that was there had been read for the first time. */
  #wholeSinceMs = Infinity;
  #turnedMs: number;
  /** Of the last look. */
  #raws: readonly string[] = [];

  private constructor(bus: Bus, rememberMs: number, written: Books | undefined, revision: number) {
    this.#bus = bus;
    this.#rememberMs = rememberMs;
    this.#written = written;
    this.#revision = revision;
    this.#turnedMs = written?.atMs ?? -Infinity;
    this.books = new EventBooks(written);
    for (const [name, book] of Object.entries(written?.streams ?? {}))
      this.#positions.set(name, {
        ...{ ...book, turned: book.through },
        ...{ nextAtMs: undefined, readAtMs: -Infinity },
      });
  }

  /** @throws StarlingError UNSUPPORTED_VERSION, BAD_MESSAGE for books that can't be read. */
  static async open(bus: Bus, rememberMs = rememberMsDefault): Promise<BooksReader> {
    const entry = await bus.bucketEntry(bus.names.bucket, booksKey);
    return new BooksReader(
      bus,
      rememberMs,
      entry && decodeBooks(entry.bytes),
      entry?.revision ?? 0,
    );
  }

  /** Where the books begin in each log, and what had gone before they had it. */
  get streams(): readonly BookedStream[] {
    const { samples, join, deadLetter } = this.#bus.names.stream;
    const others = new Map<string, BookedStream['log']>([
      [samples, 'samples'],
      [join, 'join'],
      [deadLetter, 'deadLetter'],
    ]);
    return [...this.#positions].map(([stream, { from, through, remember, gone }]) => {
      return { stream, log: others.get(stream) ?? 'raw', from, through, remember, gone };
    });
  }

  /**
   * Reads on to the end of all logs.
   * @param raws the RAW streams there are.
   * @returns how many messages of each wait for their processor.
   * @throws StarlingError what the servers answer.
   */
  async look(raws: readonly string[]): Promise<ReadonlyMap<string, number>> {
    this.#raws = raws;
    await this.#rememberWritten(raws);
    const ends = await this.#ends(raws);
    for (;;) {
      const untilMs = (await this.#oldestUnreadMs(ends)) + this.#rememberMs;
      const isWhole = untilMs >= ends.atMs;
      await this.#read(raws, ends, isWhole ? Infinity : untilMs);
      if (isWhole) break;
      // An event of long ago may have waited longer for its processor than this piece is long. JOIN was read further than the rest, and is
      // remembered for as long.
      this.#turn(untilMs + clocksDifferMs, { isDue: false, isSent: false });
    }
    for (const raw of raws)
      if (ends.left.get(raw) === 0) this.#positionOf(raw).readAtMs = ends.atMs;
    this.#wholeSinceMs = Math.min(this.#wholeSinceMs, ends.atMs);
    return ends.left;
  }

  /**
   * Events of JOIN that nobody has sent: those that the books miss among the accepted, and that do not wait for their
   * processors either. To be asked after a look.
   *
   * @returns undefined where too many wait to look them up.
   */
  async unsent(
    left: ReadonlyMap<string, number>,
  ): Promise<Readonly<Record<BookedEvent, number>> | undefined> {
    const offered = { impressions: new KeyTable(), actions: new KeyTable() };
    const count = () => ({
      impressions: this.books.openOf('impressions', offered.impressions).unsent,
      actions: this.books.openOf('actions', offered.actions).unsent,
    });
    if (this.#beginsLate) return { impressions: 0, actions: 0 };
    if (bookedEvents.every((event) => count()[event] === 0)) return count();
    if ([...left.values()].some((messages) => messages > waitingMax)) return undefined;
    for (const stream of this.#raws) {
      const { lastSequence } = await this.#bus.streamState(stream);
      await this.#scan(stream, this.#positionOf(stream).through, lastSequence, (message) => {
        const event = offeredEvent(message);
        if (!event) return;
        for (const { requestId, item } of keysIn(message)) offered[event].mark(requestId, item, 1);
      });
    }
    return count();
  }

  /**
   * After a look: ends a time of remembering where it was long enough, and writes the books down. What is open then must
   * fit into a record; where it does not, a later look may have less.
   *
   * @returns whether they were written.
   * @throws StarlingError CONFLICT where somebody else has kept them since: those are as good, and this reader is done.
   */
  async writeDown(): Promise<boolean> {
    const nowMs = this.#bus.clock.wallMs();
    if (nowMs - this.#turnedMs < this.#rememberMs) return false;
    const sentMs = Math.min(...this.#raws.map((raw) => this.#positionOf(raw).readAtMs));
    const isDue = nowMs - this.#wholeSinceMs >= graceMs;
    this.#turn(nowMs, { isDue, isSent: isDue && sentMs >= this.#turnedMs + clocksDifferMs });
    if (this.#beginsLate) this.books.forgive();
    const streams = Object.fromEntries(
      this.streams.map(({ stream, from, through, remember, gone }) => [
        stream,
        { from, through, remember, gone },
      ]),
    );
    const bytes = encodeBooks({ atMs: nowMs, streams, ...this.books.record() });
    if (bytes.length > this.#bus.payloadBytesMax / 2) return false;
    const { bucket } = this.#bus.names;
    this.#revision = await this.#bus.bucketUpdate(bucket, booksKey, bytes, this.#revision);
    return true;
  }

  /** JOIN may have what was accepted before the RAW that is left. Only at first: from then on the books have both. */
  get #beginsLate(): boolean {
    return this.#revision === 0 && this.#raws.some((raw) => this.#positionOf(raw).from > 1);
  }

  #turn(atMs: number, judge: { readonly isDue: boolean; readonly isSent: boolean }): void {
    this.books.turn(judge);
    this.#turnedMs = atMs;
    for (const position of this.#positions.values()) {
      position.remember = position.turned;
      position.turned = position.through;
    }
  }

  #positionOf(stream: string): Position {
    const known = this.#positions.get(stream) ?? {
      ...{ from: 1, through: 0, remember: 0, gone: 0, turned: 0 },
      ...{ nextAtMs: undefined, readAtMs: -Infinity },
    };
    this.#positions.set(stream, known);
    return known;
  }

  /** In this order: whatever is in a log came from one whose end is looked up later, or was acknowledged there before. */
  async #ends(raws: readonly string[]): Promise<Ends> {
    const { samples, join, deadLetter } = this.#bus.names.stream;
    const streams = new Map<string, End>();
    const left = new Map<string, number>();
    for (const raw of raws) {
      const work = await this.#bus.workState(raw, 'processor');
      const state = await this.#bus.streamState(raw);
      const nobodyBegan = work.acknowledged === 0 && work.left === 0;
      left.set(raw, nobodyBegan ? state.messages : work.left);
      streams.set(raw, { ...state, readable: work.acknowledged });
    }
    for (const stream of [samples, join, deadLetter]) {
      const state = await this.#bus.streamState(stream);
      streams.set(stream, { ...state, readable: state.lastSequence });
    }
    for (const [stream, end] of streams) await this.#begin(stream, end);
    return { streams, left, atMs: this.#bus.clock.wallMs() };
  }

  /** Where a log begins later than it was read to, or ends before, something has gone. */
  async #begin(stream: string, { firstSequence, lastSequence }: End): Promise<void> {
    const isNew = !this.#positions.has(stream);
    const position = this.#positionOf(stream);
    if (lastSequence < position.through) {
      position.gone += position.through - lastSequence;
      position.through = position.turned = lastSequence;
      position.remember = Math.min(position.remember, lastSequence);
    }
    const next = position.through + 1;
    if (firstSequence <= next) return;
    position.through = position.turned = firstSequence - 1;
    position.nextAtMs = undefined;
    if (isNew) {
      position.from = firstSequence;
      position.remember = position.through;
    } else position.gone += firstSequence - next;
    if (stream !== this.#bus.names.stream.join) return;
    const first = await this.#bus.messageAt(stream, firstSequence);
    this.books.beginAt((first?.atMs ?? this.#bus.clock.wallMs()) + aheadMsMax);
  }

  /** When the oldest message that is to be read was stored; Infinity where there is none. */
  async #oldestUnreadMs({ streams }: Ends): Promise<number> {
    let oldestMs = Infinity;
    for (const [stream, { readable }] of streams) {
      const position = this.#positionOf(stream);
      if (position.through >= readable) continue;
      position.nextAtMs ??= (await this.#bus.messageAt(stream, position.through + 1))?.atMs;
      if (position.nextAtMs !== undefined) oldestMs = Math.min(oldestMs, position.nextAtMs);
    }
    return oldestMs;
  }

  /** What was stored by then. Of JOIN more, so that it has the impressions of all samples that are read. */
  async #read(raws: readonly string[], ends: Ends, untilMs: number): Promise<void> {
    const { samples, join, deadLetter } = this.#bus.names.stream;
    const read = (stream: string, toMs: number, take: (message: StreamMessage) => void) =>
      this.#readOn(stream, ends.streams.get(stream)!.readable, toMs, take);
    await read(join, untilMs + clocksDifferMs, (message) => this.#joined(message));
    await read(deadLetter, untilMs + clocksDifferMs, (message) => this.#refused(message));
    for (const raw of raws) await read(raw, untilMs, (message) => this.#accepted(message));
    await read(samples, untilMs, (message) => this.#sampled(message));
  }

  async #readOn(
    stream: string,
    readable: number,
    untilMs: number,
    take: (message: StreamMessage) => void,
  ): Promise<void> {
    const position = this.#positionOf(stream);
    if (position.through >= readable || (position.nextAtMs ?? -Infinity) > untilMs) return;
    position.nextAtMs = undefined;
    await this.#scan(stream, position.through, readable, (message) => {
      if (message.atMs > untilMs) {
        position.nextAtMs = message.atMs;
        return false;
      }
      take(message);
      position.through = message.sequence;
      position.readAtMs = message.atMs;
      return true;
    });
    // What was removed from its end is no more.
    if (position.nextAtMs === undefined) position.through = readable;
  }

  /** What is in a log behind `after`, up to `last`, as long as `take` does not return false. */
  async #scan(
    stream: string,
    after: number,
    last: number,
    take: (message: StreamMessage) => boolean | void,
  ): Promise<void> {
    if (after >= last) return;
    await replayWhile(this.#bus, { stream, fromSequence: after + 1 }, (message) => {
      // The consumer may begin before where it was asked to: with a sequence of 1 it begins with the first.
      if (message.sequence <= after) return true;
      if (message.sequence > last || take(message) === false) return false;
      return message.sequence < last;
    });
  }

  /** Sees again what the written books have counted, as far back as they say. */
  async #rememberWritten(raws: readonly string[]): Promise<void> {
    const books = this.#written;
    if (!books) return;
    const { samples, join, deadLetter } = this.#bus.names.stream;
    const again = async (stream: string, see: (message: StreamMessage) => void): Promise<void> => {
      const { remember, through } = this.#positionOf(stream);
      await this.#scan(stream, remember, through, see);
    };
    const remember = (event: BookedEvent | undefined, keys: readonly TimedKey[], flags: number) => {
      if (event)
        for (const key of keys) this.books.remember(event, key, flags, key.atMs ?? -Infinity);
    };
    await again(join, (message) => {
      const value = tryDecode(message.bytes);
      const flags = isImport(value) ? seen.joined | seen.accepted : seen.joined;
      remember(joinedEvent(value), keysOf(value) ?? [], flags);
    });
    await again(deadLetter, (message) => {
      const { event, keys } = this.#refusedIn(message);
      remember(event, keys, seen.refused);
    });
    for (const raw of raws)
      await again(raw, (message) =>
        remember(offeredEvent(message), keysIn(message), seen.accepted),
      );
    await again(samples, (message) => {
      if (this.#isRetried(message)) return;
      for (const { key, flags } of sampleKeysIn(message))
        if (key) this.books.remember('impressions', key, flags, -Infinity);
    });
    this.books.goOn(books);
    this.#written = undefined;
  }

  #accepted(message: StreamMessage): void {
    const event = offeredEvent(message);
    if (event) for (const key of keysIn(message)) this.books.accepted(event, key);
  }

  #joined(message: StreamMessage): void {
    const value = tryDecode(message.bytes);
    const event = joinedEvent(value);
    if (!event) return;
    for (const key of keysOf(value) ?? []) {
      if (isImport(value)) this.books.accepted(event, key);
      this.books.joined(event, key, key.atMs ?? -Infinity);
    }
  }

  #sampled(message: StreamMessage): void {
    // Counted when they came first.
    if (this.#isRetried(message)) return;
    for (const { key, flags } of sampleKeysIn(message)) {
      if (key) this.books.sampled(key, key.atMs ?? Infinity, flags);
      else this.books.sampledAlone();
    }
  }

  /** Samples that are told again out of their dead letters. */
  #isRetried({ subject }: StreamMessage): boolean {
    return subject === this.#bus.names.subject.samplesRetried;
  }

  #refused(message: StreamMessage): void {
    const { event, keys, unread, joinRows, samples } = this.#refusedIn(message);
    this.books.joinRowsBuried(joinRows);
    this.books.samplesBuried(samples);
    if (!event) return;
    for (const key of keys) this.books.refused(event, key);
    this.books.refusedUnread(event, unread);
  }

  /** Of dead letters: which events were refused, and how many rows of JOIN could not be read. */
  #refusedIn(message: StreamMessage): Refused {
    const found = lettersIn(message);
    const nothing = { event: undefined, keys: [], unread: 0, joinRows: 0, samples: 0 };
    if (!found) return nothing;
    const { origin, sequence, letters } = found;
    const position = positionIn(origin, sequence);
    const each = letters.map(({ content, events, index }) => {
      const value = ArrayBuffer.isView(content) ? tryDecode(content as Uint8Array) : content;
      const keys = keysOf(value, position, [index]);
      return { keys, events, joined: joinedEvent(value) };
    });
    const keys = each.flatMap((letter) => letter.keys ?? []);
    const unread = each.reduce((sum, letter) => sum + (letter.keys ? 0 : letter.events), 0);
    if (this.#bus.names.isOf('raw', origin))
      return { ...nothing, event: eventOfType(lastToken(origin)), keys, unread };
    if (this.#bus.names.isOf('samples', origin))
      return { ...nothing, samples: each.reduce((sum, { events }) => sum + events, 0) };
    // A joiner that is restarted buries the same record again.
    const record = `${origin} ${sequence}`;
    const joinRows = each.reduce(
      (sum, letter) => sum + ((letter.joined && letter.keys?.length) ?? 0),
      0,
    );
    const isNew = this.#bus.names.isOf('join', origin) && !this.#buried.has(record);
    if (isNew) this.#buried.add(record);
    return { ...nothing, joinRows: isNew ? joinRows : 0 };
  }
}

interface Refused {
  /** Undefined: not of the events that are counted. */
  readonly event: BookedEvent | undefined;
  readonly keys: readonly TimedKey[];
  /** Events that nobody can tell. */
  readonly unread: number;
  readonly joinRows: number;
  /** That no trainer could learn. */
  readonly samples: number;
}
