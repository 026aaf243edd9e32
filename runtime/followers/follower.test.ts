import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { StarlingError } from '../../core/base/errors.js';
import type { StreamMessage } from '../bus/logs.js';
import type { Fold, FoundSnapshot, Verdict } from './fold.js';
import { Follower } from './follower.js';
import { MemorySnapshots } from '../stores/memory-snapshots.testkit.js';
import { MemoryLog } from './memory-log.testkit.js';

/** Sums numbers that are numbered: record n says n and n². */
class SumFold implements Fold {
  readonly name = 'the sum';
  count = 0;
  sum = 0;
  resets = 0;
  /** Where it stands on its disk. */
  resumesAt: number | undefined;

  get place(): string {
    return `number ${this.count}`;
  }

  get facts() {
    return { after: this.count };
  }

  async resume(): Promise<number | undefined> {
    return this.resumesAt;
  }

  reset(): void {
    this.resets++;
    this.count = 0;
    this.sum = 0;
  }

  async load({ manifest, isElsewhere, chunks }: FoundSnapshot): Promise<number | undefined> {
    if (manifest[0] === 0) return undefined;
    if (manifest[0] === 255) throw new StarlingError('SPEC_MISMATCH', 'of another model');
    for await (const [count] of chunks({ name: 'sum', bytes: 1, chunks: 1 })) {
      if (count === 255) throw new StarlingError('SNAPSHOT_CORRUPT', 'a bit was turned');
      this.count = count!;
      this.sum = sumTo(count!);
    }
    return isElsewhere ? 0 : manifest[0]!;
  }

  async take({ bytes }: StreamMessage): Promise<Verdict> {
    await Promise.resolve();
    const n = bytes[0]!;
    if (n <= this.count) return 'stale';
    if (n > this.count + 1) return 'gap';
    this.count = n;
    this.sum += n * n;
    return 'applied';
  }
}

const sumTo = (count: number) =>
  Array.from({ length: count }, (_unused, i) => (i + 1) ** 2).reduce((a, b) => a + b, 0);

function setUp(numbers: readonly number[], withElsewhere = false) {
  const log = new MemoryLog();
  for (const n of numbers) log.put('log', Uint8Array.of(n));
  const store = new MemorySnapshots();
  const elsewhere = new MemorySnapshots();
  const fold = new SumFold();
  const errors: unknown[] = [];
  const follower = new Follower({
    context: { bus: log, log: pino({ level: 'silent' }) },
    fold,
    stream: 'LOG',
    store,
    ...(withElsewhere ? { elsewhere: [elsewhere] } : {}),
    onError: (error) => errors.push(error),
  });
  return { log, store, elsewhere, fold, follower, errors };
}

/** @param sequence of the log that it stands for; 0 is of no use, 255 of another model. */
async function snapshot(store: MemorySnapshots, id: string, count: number, sequence = count) {
  await store.put(id, 'sum', [Uint8Array.of(count)]);
  await store.putManifest(id, Uint8Array.of(sequence));
}

describe('a follower', () => {
  test('has all of the log when it has started, and then what comes', async () => {
    const { log, fold, follower } = setUp([1, 2, 3]);
    expect(follower.isWhole).toBe(false);
    await follower.start();
    expect([fold.sum, follower.isWhole, follower.sequence]).toEqual([14, true, 3]);
    log.put('log', Uint8Array.of(4));
    expect(await follower.catchUp()).toBe(4);
    expect(fold.sum).toBe(30);
    await follower.stop();
    log.put('log', Uint8Array.of(5));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(fold.count).toBe(4);
  });

  test('does not wait for the end of a log that goes before it comes', async () => {
    const { log, fold, follower } = setUp([1, 2, 3]);
    await follower.start();
    // There when it was asked for, and gone since.
    const gone = { ...log.messages[2]!, sequence: 4 };
    const lastMessage = log.lastMessage.bind(log);
    let asked = 0;
    log.lastMessage = (...of) => (asked++ === 0 ? Promise.resolve(gone) : lastMessage(...of));
    expect(await follower.catchUp()).toBe(3);
    expect([asked, fold.count]).toEqual([2, 3]);
    await follower.stop();
  });

  test('begins with the newest snapshot, and reads what the log has behind it', async () => {
    const { log, store, fold, follower } = setUp([1, 2, 3, 4, 5]);
    await snapshot(store, 'a', 2);
    await snapshot(store, 'b', 4);
    await follower.start();
    expect(fold.sum).toBe(55);
    expect(follower.stats).toEqual({ records: 1, resyncs: 0 });
    expect(log.delivered).toBe(1);
  });

  test('passes over snapshots that are damaged or of no use', async () => {
    const { store, fold, follower } = setUp([1, 2, 3, 4]);
    await snapshot(store, 'a', 2);
    await snapshot(store, 'b', 255, 3);
    await snapshot(store, 'c', 4, 0);
    await follower.start();
    expect(fold.sum).toBe(30);
    expect(follower.stats.records).toBe(2);
  });

  test('takes no older snapshot where the newest is of another model', async () => {
    const { store, follower } = setUp([1]);
    await snapshot(store, 'a', 1);
    await snapshot(store, 'b', 1, 255);
    await expect(follower.start()).rejects.toMatchObject({ code: 'SPEC_MISMATCH' });
  });

  test('begins with what its fold has kept itself', async () => {
    const { store, fold, follower } = setUp([1, 2, 3, 4]);
    await snapshot(store, 'a', 2);
    Object.assign(fold, { count: 3, sum: 14, resumesAt: 3 });
    await follower.start();
    expect([fold.sum, fold.resets, follower.stats.records]).toEqual([30, 0, 1]);
  });

  test('takes a snapshot where its fold has been away for longer than the log reaches back', async () => {
    const { log, store, fold, follower, errors } = setUp([1, 2, 3, 4, 5]);
    await snapshot(store, 'a', 4);
    log.trim(4);
    Object.assign(fold, { count: 2, sum: 5, resumesAt: 2 });
    await follower.start();
    expect([fold.sum, follower.isWhole, errors]).toEqual([55, true, []]);
    expect(follower.stats).toEqual({ records: 1, resyncs: 1 });
  });

  test('has started when it has mended what it met on its way, or says that it can not, however slow all is', async () => {
    const slow = <T>(work: () => Promise<T>): Promise<T> =>
      new Promise<void>((resolve) => setImmediate(resolve)).then(work);
    for (const helps of [true, false]) {
      const numbers = Array.from({ length: 60 }, (_unused, i) => i + 1);
      const { log, store, fold, follower, errors } = setUp(numbers);
      if (helps) await snapshot(store, 'a', 50);
      log.trim(41);
      Object.assign(fold, { count: 2, sum: 5, resumesAt: 2 });
      const tail = log.tail.bind(log);
      log.tail = (options, handler) =>
        slow(() => tail(options, async (message) => slow(async () => handler(message))));
      const list = store.list.bind(store);
      store.list = () => slow(() => slow(() => slow(() => list())));
      if (helps) {
        await follower.start();
        expect([fold.sum, follower.isWhole, errors]).toEqual([sumTo(60), true, []]);
      } else await expect(follower.start()).rejects.toMatchObject({ code: 'CORRUPT' });
      await follower.stop();
    }
  });

  test('that is stopped while it mends a gap ends', async () => {
    const { log, fold, follower } = setUp([1, 2, 3, 4, 5]);
    log.trim(4);
    Object.assign(fold, { count: 2, sum: 5, resumesAt: 2 });
    const starting = follower.start().catch(() => undefined);
    await Promise.resolve();
    await follower.stop();
    await starting;
  });

  test('mends a gap while it runs, and is not whole meanwhile', async () => {
    const { log, store, fold, follower, errors } = setUp([1, 2]);
    await follower.start();
    await snapshot(store, 'a', 4, 2);
    log.put('log', Uint8Array.of(5));
    while (follower.isWhole) await Promise.resolve();
    await follower.catchUp();
    expect([fold.sum, errors]).toEqual([55, []]);
    while (!follower.isWhole) await Promise.resolve();
  });

  test('takes the snapshot of elsewhere where the own ones do not help, and reads its log from the beginning', async () => {
    const { store, elsewhere, fold, follower } = setUp([1, 2, 4, 5], true);
    await snapshot(store, 'a', 1);
    await snapshot(elsewhere, 'b', 3, 77);
    await follower.start();
    expect(fold.sum).toBe(55);
    expect(follower.stats.resyncs).toBe(2);
  });

  test('says so where nothing covers a gap', async () => {
    const { store, elsewhere, follower, errors } = setUp([1, 3], true);
    await snapshot(store, 'a', 1);
    await snapshot(elsewhere, 'b', 1);
    await expect(follower.start()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining("the sum can't be followed past number 1"),
    });
    expect(errors).toHaveLength(1);
  });

  test('mends the next gap as it did the first', async () => {
    const { log, store, fold, follower, errors } = setUp([1, 3]);
    await snapshot(store, 'a', 2, 1);
    await follower.start();
    await snapshot(store, 'b', 5, 2);
    log.put('log', Uint8Array.of(6));
    await follower.catchUp();
    expect([fold.sum, errors]).toEqual([sumTo(6), []]);
  });

  test('tells what its fold throws, with the place in the log', async () => {
    const { fold, follower, errors } = setUp([1]);
    fold.take = async () => Promise.reject(new Error('it can not be applied'));
    await follower.start();
    expect(String(errors[0])).toMatch(/log #1: it can not be applied/);
  });
});
