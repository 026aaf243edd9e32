import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BooksKeeper, type BookTimes } from '../../cluster/books/books-keeper.js';
import { booksKey, decodeBooks, type Books } from '../../messages/books.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import type { MemoryBus } from '../../simulation/nats/memory-bus.js';
import type { VirtualTime } from '../../simulation/time/virtual-time.js';
import { memoryWorld } from '../support/memory-world.js';

/** Days of a leader that keeps books, in virtual time. */
const hour = 3_600_000;
const raw = names.stream.raw('train');

let time: VirtualTime;
let bus: MemoryBus;
let connect: () => MemoryBus;
let keepers: BooksKeeper[];
let lines: string[];

beforeEach(async () => {
  const world = memoryWorld(1);
  ({ time, connect } = world);
  const { servers } = world;
  keepers = [];
  lines = [];
  const limits = { maxAgeMs: 0, discard: 'new', duplicateWindowMs: 120_000 } as const;
  for (const [name, pattern] of [
    [raw, names.pattern('raw', { dc: 'train' })],
    ['JOIN', names.pattern('join')],
    ['SAMPLES', names.pattern('samples')],
    ['DEAD_LETTER', names.pattern('deadLetter')],
  ] as const)
    servers.declare({ name, subjects: [pattern], cluster: 'train', ...limits });
  bus = connect();
  const work = { stream: raw, durable: 'processor', ackWaitMs: 30_000, pendingMax: 100 };
  await time.run(bus.work(work, (message) => message.ack()));
});
afterEach(async () => {
  for (const keeper of keepers) await keeper.stop();
});

function lead(times?: BookTimes): BooksKeeper {
  const log = (line: string): void => void lines.push(line);
  const keeper = new BooksKeeper({ bus: connect(), dataCenters: ['train'], times, log });
  keepers.push(keeper);
  return keeper;
}

let sent = 0;
beforeEach(() => {
  sent = 0;
});

/** Two impressions, each a sample; what is lost was acknowledged. */
async function event(lose = false): Promise<void> {
  const ids = [`r${sent++}`, `r${sent++}`];
  const send = (to: string, some: readonly string[]) =>
    bus.append(
      to,
      encode({
        ...{ v: protocolVersion, kind: 'impressions', requestIds: some, items: some },
        atMs: Float64Array.from(some, () => bus.clock.wallMs()),
      }),
    );
  await time.run(send(subject.join(0), lose ? ids.slice(0, 1) : ids));
  await time.run(send(subject.raw('train', 'impression'), ids));
  await time.run(send(subject.samples(0), lose ? ids.slice(0, 1) : ids));
}

/** So many hours with an event every half hour; what is older than a day goes. */
async function hours(count: number): Promise<void> {
  const kept: Readonly<Record<string, number>>[] = [];
  for (let half = 0; half < 2 * count; half++) {
    await event();
    await time.pass(hour / 2);
    const now: Record<string, number> = {};
    for (const stream of [raw, 'JOIN', 'SAMPLES'])
      now[stream] = (await time.run(bus.streamState(stream))).lastSequence;
    kept.push(now);
    const old = kept[half - 48];
    for (const [stream, last] of Object.entries(old ?? {}))
      await time.run(bus.purge(stream, { beforeSequence: last + 1 }));
  }
}

async function written(): Promise<Books> {
  const entry = await time.run(bus.bucketEntry(names.bucket, booksKey));
  return decodeBooks(entry!.bytes);
}

const gone = ({ streams }: Books) => Object.values(streams).map((stream) => stream.gone);

describe('a leader', () => {
  test('has all in its books that has been in the logs, over days and other leaders', async () => {
    for (let day = 0; day < 4; day++) {
      const keeper = lead();
      await hours(18);
      await keeper.stop();
    }
    lead();
    await time.pass(hour);
    const books = await written();
    expect(books.totals.impressions).toMatchObject({ accepted: sent, joined: sent, missing: 0 });
    expect(books.totals).toMatchObject({ joinRows: sent, samples: sent, sampledUnjoined: 0 });
    expect(gone(books)).toEqual([0, 0, 0, 0]);
    expect(lines).toEqual([]);
  });

  test('finds what was lost days ago, and says so once', async () => {
    lead();
    await hours(2);
    await event(true);
    await hours(60);
    const { totals } = await written();
    expect(totals.impressions).toMatchObject({ accepted: sent, joined: sent - 1, missing: 1 });
    expect(lines).toEqual([
      'the books of the events do not balance: 1 impressions accepted and nowhere after; see `starling audit`',
    ]);
  });

  test('that was away for longer than logs keep what is old says how much it has not seen', async () => {
    const keeper = lead();
    await hours(2);
    await keeper.stop();
    await hours(30);
    lead();
    await time.pass(hour);
    const books = await written();
    expect(books.totals.impressions.accepted).toBeLessThan(sent);
    expect(Math.max(...gone(books))).toBeGreaterThan(5);
  });

  test('that has caught up piece by piece remembers for as long as any other: JOIN is read further than the rest', async () => {
    const times = { lookMs: 5_000, rememberMs: 80_000 };
    const aWhile = async (): Promise<void> => {
      await event();
      await time.pass(5_000);
    };
    const keeper = lead(times);
    for (let i = 0; i < 20; i++) await aWhile();
    await keeper.stop();
    for (let i = 0; i < 60; i++) await aWhile();
    const before = await written();
    lead(times);
    while ((await written()).atMs === before.atMs) await aWhile();
    const books = await written();
    const forgotten = await time.run(bus.messageAt('JOIN', books.streams['JOIN']!.remember));
    expect(books.atMs - forgotten!.atMs).toBeGreaterThanOrEqual(times.rememberMs);
  });

  test('reads a backlog of hours without a fault', async () => {
    const keeper = lead();
    await hours(2);
    await keeper.stop();
    await hours(20);
    lead();
    await time.pass(hour);
    const books = await written();
    expect(books.totals.impressions).toMatchObject({ accepted: sent, missing: 0, surplus: 0 });
    expect(gone(books)).toEqual([0, 0, 0, 0]);
  });

  test('leaves the books to another one that keeps them too', async () => {
    lead();
    lead();
    await hours(12);
    const { totals } = await written();
    expect(totals.impressions).toMatchObject({ missing: 0, surplus: 0 });
    expect(totals.impressions.accepted).toBeGreaterThan(sent - 4);
    expect(lines).toEqual([]);
  });
});
