import { beforeEach, describe, expect, test } from '@jest/globals';
import { BooksReader } from '../../cluster/books/books-reader.js';
import type { HeardOf } from '../../messages/actor-kinds.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import { booksKey, decodeBooks } from '../../messages/books.js';
import { sleep } from '../../core/base/clock.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import { audit } from '../../operations/audit/audit.js';
import type { MemoryBus } from '../../simulation/nats/memory-bus.js';
import { memoryWorld, type MemoryWorld } from '../support/memory-world.js';

/** Whether a loss is found when the logs that would show it have lost their beginning. */
let world: MemoryWorld;
let bus: MemoryBus;

const dataCenters = [{ name: 'train', role: 'training' as const, state: 'healthy' }];
const raw = names.stream.raw('train');
const logs = [raw, 'JOIN', 'SAMPLES', 'DEAD_LETTER'];

beforeEach(async () => {
  world = memoryWorld(1);
  world.declareOnly([...logs, 'DELTAS', 'DENSE']);
  bus = world.connect();
  // Whoever works on a stream here acknowledges at once.
  for (const [stream, durable] of [
    [raw, 'processor'],
    ['SAMPLES', 'trainer'],
  ] as const) {
    const work = { stream, durable, ackWaitMs: 1_000, pendingMax: 10 };
    await inTime(() => bus.work(work, (message) => message.ack()));
  }
});

/** Virtual time passes until it is done. */
const inTime = <T>(act: () => Promise<T>): Promise<T> => world.time.run(act(), 600_000);

const send = (to: string, kind: string, ids: readonly string[]) =>
  bus.append(
    to,
    encode({
      ...{ v: protocolVersion, kind, requestIds: ids, items: ids.map(() => '7') },
      atMs: Float64Array.from(ids, () => bus.clock.wallMs()),
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
const write = (what: Written) => inTime(() => written(what));
async function written({ accepted, lost = [], unpublished = [] }: Written): Promise<void> {
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
    await sleep(bus.clock, 5);
  }
}

/** As their age would do it. */
async function trim(): Promise<void> {
  for (const stream of logs) await inTime(() => bus.purge(stream, {}));
}

const keepBooks = () => inTime(kept);
async function kept(): Promise<void> {
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
  const status = async () => ({ dataCenters, actors: [joiner] });
  const { verdict, laws } = await inTime(() => audit(bus, status, 0));
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
    await inTime(() => send(subject.join(0), 'impressions', ['a1']));
    await inTime(() => send(subject.samples(0), 'samples', ['a1']));
    const { others } = await check(5);
    expect(others).toEqual(['events joined: 1 are missing', 'samples: 1 came twice']);
    const entry = await inTime(() => bus.bucketEntry(names.bucket, booksKey));
    expect(decodeBooks(entry!.bytes).totals.impressions).toMatchObject({ accepted: 5, joined: 5 });
  });
});
