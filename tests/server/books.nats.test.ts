import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BooksReader } from '../../cluster/books/books-reader.js';
import type { HeardOf } from '../../messages/actor-kinds.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import { booksKey, decodeBooks } from '../../messages/books.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { declareBucket } from '../../messages/declared-streams.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import { audit } from '../../operations/audit/audit.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { MessageServer } from '../support/message-server.js';
import { declareOnly, startMessageServer } from '../support/message-server.js';

/** Whether a loss is found when the logs that would show it have lost their beginning. */
let server: MessageServer;
let bus: NatsBus;
let workers: Stoppable[];

const dataCenters = [{ name: 'train', role: 'training' as const, state: 'healthy' }];
const raw = names.stream.raw('train');
const logs = [raw, 'JOIN', 'SAMPLES', 'DEAD_LETTER'];

beforeEach(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await declareOnly(bus, [...logs, 'DELTAS', 'DENSE']);
  await bus.declareBucket(declareBucket(names, { dataCenters }), false);
  // Whoever works on a stream here acknowledges at once.
  const work = (stream: string, durable: string) =>
    bus.work({ stream, durable, ackWaitMs: 1_000, pendingMax: 10 }, (message) => message.ack());
  workers = [await work(raw, 'processor'), await work('SAMPLES', 'trainer')];
});
afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await server.stop();
});

const send = (to: string, kind: string, ids: readonly string[]) =>
  bus.append(
    to,
    encode({
      ...{ v: protocolVersion, kind, requestIds: ids, items: ids.map(() => '7') },
      atMs: Float64Array.from(ids, () => Date.now()),
    }),
  );

const ids = (prefix: string, count: number) =>
  Array.from({ length: count }, (_unused, i) => `${prefix}${i}`);

/** What joiners have counted, and what they have not. */
interface Written {
  readonly accepted: readonly string[];
  /** Acknowledged by the processor, and nowhere after. */
  readonly lost?: readonly string[];
  /** Emitted by the joiner, and not in SAMPLES. */
  readonly unpublished?: readonly string[];
}

/** Impressions of which each becomes a sample. */
async function write({ accepted, lost = [], unpublished = [] }: Written): Promise<void> {
  const joined = accepted.filter((id) => !lost.includes(id));
  const published = joined.filter((id) => !unpublished.includes(id));
  const rawEnd = await send(subject.raw('train', 'impression'), 'impressions', accepted);
  await send(subject.join(0), 'impressions', joined);
  const samplesEnd = await send(subject.samples(0), 'samples', published);
  for (;;) {
    const processed = await bus.workState(raw, 'processor');
    const learned = await bus.workState('SAMPLES', 'trainer');
    // A consumer that has not heard of a message yet has nothing left.
    if (processed.acknowledged >= rawEnd && learned.acknowledged >= samplesEnd) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** As their age would do it. */
async function trim(): Promise<void> {
  for (const stream of logs) await bus.purge(stream, {});
}

async function keepBooks(): Promise<void> {
  const reader = await BooksReader.open(bus);
  await reader.look([raw]);
  expect(await reader.writeDown()).toBe(true);
}

/** @param samples that the joiner has emitted, one for each impression it has joined. */
const check = async (samples: number) => {
  const stats: HeardOf<'joiner'> = {
    ...{ impressions: samples, positives: samples, negatives: 0, negativesDropped: 0 },
    ...{ lateImpressions: 0, ignoredImpressions: 0, open: 0, actions: 0, duplicates: 0, samples },
    ...{ passedImpressions: 0, received: 0, notGiven: 0, notSeen: 0, erased: 0 },
    ...{ passed: 0, passedIn: 0 },
    ...{ outboxPending: 0, published: { 0: Infinity } },
  };
  const joiner: ActorStatus<'joiner'> = {
    ...{ address: 'train.joiner.0', kind: 'joiner', dataCenter: 'train', host: 'here', pid: 1 },
    ...{ state: 'ready', epoch: 1, restarts: 0, sinceMs: 0, stats },
  };
  const { verdict, laws } = await audit(bus, async () => ({ dataCenters, actors: [joiner] }), 0);
  return {
    verdict,
    counts: laws.slice(0, 5).map(({ left, right }) => [left.count, right.count]),
    others: laws
      .filter((law) => law.verdict !== 'holds' && !law.name.startsWith('batches'))
      .map(({ name, remark }) => `${name}: ${remark}`),
  };
};

const equal = (count: number) => [count, count];

describe('the books of the leader', () => {
  test('count what was in the logs before they were trimmed, and what came after', async () => {
    await write({ accepted: ids('a', 5) });
    await keepBooks();
    await trim();
    const before = await check(5);
    expect(before.others).toEqual([]);
    expect(before.counts).toEqual([equal(5), equal(0), equal(5), equal(5), equal(5)]);
    await write({ accepted: ids('b', 3) });
    const after = await check(8);
    expect(after.others).toEqual([]);
    expect(after.counts).toEqual([equal(8), equal(0), equal(8), equal(8), equal(8)]);
  });

  test('show an accepted event that was lost before a trim, after it', async () => {
    await write({ accepted: ids('a', 5), lost: ['a3'] });
    await keepBooks();
    await trim();
    await write({ accepted: ids('b', 3) });
    expect(await check(7)).toMatchObject({
      verdict: 'violated',
      others: ['impressions accepted: 1 accepted and nowhere after'],
    });
  });

  test('show a sample that was lost before a trim, after it', async () => {
    await write({ accepted: ids('a', 5), unpublished: ['a2', 'a4'] });
    await keepBooks();
    await trim();
    const { verdict, others, counts } = await check(5);
    expect([verdict, others]).toEqual(['violated', ['samples: 2 are missing']]);
    expect(counts.at(-1)).toEqual([5, 3]);
  });

  test('show what had gone before they had it', async () => {
    await write({ accepted: ids('a', 5) });
    await keepBooks();
    await write({ accepted: ids('b', 3) });
    await trim();
    const { verdict, others } = await check(8);
    expect(verdict).toBe('violated');
    expect(others[0]).toContain(`1 messages of ${raw} have gone`);
  });

  test('know what comes again after a leader goes on with those of another', async () => {
    await write({ accepted: ids('a', 5) });
    await keepBooks();
    // As of a processor that hung between JOIN and its acknowledgement.
    await send(subject.join(0), 'impressions', ['a1']);
    await send(subject.samples(0), 'samples', ['a1']);
    const { others } = await check(5);
    expect(others).toEqual(['events joined: 1 are missing', 'samples: 1 came twice']);
    const entry = await bus.bucketEntry(names.bucket, booksKey);
    expect(decodeBooks(entry!.bytes).totals.impressions).toMatchObject({ accepted: 5, joined: 5 });
  });
});
