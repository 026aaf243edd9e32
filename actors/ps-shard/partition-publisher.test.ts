import { describe, expect, test } from '@jest/globals';
import { LatencyHistogram } from '../../core/base/histogram.js';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { StarlingError } from '../../core/base/errors.js';
import { TrainedPartition } from '../../replication/trained-partition.js';
import { oneSlot } from '../../replication/trained-rows.testkit.js';
import type { DeltaContent } from './partition-log.js';
import { PartitionPublisher } from './partition-publisher.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A publisher over a log that acknowledges when the test says so. */
function world({ flushRowsMax = 1_000 } = {}) {
  const partition = new TrainedPartition(0, oneSlot);
  const appended: DeltaContent[] = [];
  const waiting: { acknowledge: () => void; refuse: (error: unknown) => void }[] = [];
  const lost: unknown[] = [];
  const clock = new ManualClock();
  let sequence = 10;
  const figures = { flushMs: new LatencyHistogram(), flushes: 0, rows: 0, bytes: 0 };
  const publisher = new PartitionPublisher({
    clock,
    partition,
    log: {
      epoch: 3,
      get sequence() {
        return sequence;
      },
      bytesWritten: 0,
      append: (content) =>
        new Promise((resolve, reject) => {
          appended.push(content);
          const acknowledge = (): void => {
            sequence++;
            resolve();
          };
          waiting.push({ acknowledge, refuse: reject });
        }),
      served: async () => undefined,
    },
    specHash: oneSlot.hash,
    deltaNumber: 7,
    flushRowsMax,
    pauseMsMax: 0,
    figures,
    onLost: (error) => lost.push(error),
  });
  const push = (batch: number, ...keys: number[]): void => {
    const fids = Uint32Array.from(keys.flatMap((key) => [key, 0]));
    const gradients = new Float32Array(2 * keys.length).fill(1);
    partition.rows.push(Uint32Array.of(keys.length), 0, fids, 0, gradients, 0, 5, batch);
    const entered = { batches: Float64Array.of(batch), atSeconds: 5, trail: undefined };
    partition.enter(entered, clock.wallMs());
    publisher.changed();
  };
  const acknowledge = async (): Promise<void> => {
    waiting.shift()!.acknowledge();
    await clock.advance(1);
  };
  /** Of promises that have settled by now. */
  const settled = (promise: Promise<unknown>): (() => string) => {
    let state = 'pending';
    promise.then(
      () => (state = 'durable'),
      () => (state = 'lost'),
    );
    return () => state;
  };
  return { publisher, partition, appended, waiting, lost, figures, push, acknowledge, settled };
}

describe('a publisher', () => {
  test('has nothing to write where nothing has changed', async () => {
    const { publisher, appended } = world();
    await publisher.durable();
    expect(appended).toEqual([]);
  });

  test('writes at once when nothing is in flight, and answers when it is acknowledged', async () => {
    const { publisher, appended, push, acknowledge, settled } = world();
    push(1, 5);
    const first = settled(publisher.durable());
    await turn();
    expect(appended).toMatchObject([{ deltaNumber: 8, part: 0, last: true }]);
    expect(first()).toBe('pending');
    await acknowledge();
    expect(first()).toBe('durable');
    expect(publisher.committed).toMatchObject({ epoch: 3, deltaNumber: 8, sequence: 11 });
  });

  test('gathers what comes while it writes into one delta', async () => {
    const { publisher, appended, push, acknowledge, settled } = world();
    push(1, 5);
    const states = [settled(publisher.durable())];
    await turn();
    for (const batch of [2, 3, 4]) {
      push(batch, 5 + batch);
      states.push(settled(publisher.durable()));
    }
    await acknowledge();
    expect(states.map((state) => state())).toEqual(['durable', 'pending', 'pending', 'pending']);
    expect(appended[1]).toMatchObject({ deltaNumber: 9 });
    expect(appended[1]!.fids).toHaveLength(6);
    await acknowledge();
    expect(states.map((state) => state())).toEqual(Array(4).fill('durable'));
  });

  test('cuts a delta into parts that fit a message; only the last one has the ledger', async () => {
    const { publisher, appended, push, acknowledge, settled } = world({ flushRowsMax: 2 });
    push(1, 5, 6, 7);
    const state = settled(publisher.durable());
    await turn();
    await acknowledge();
    expect(state()).toBe('pending');
    await acknowledge();
    expect(state()).toBe('durable');
    expect(appended).toMatchObject([
      { deltaNumber: 8, part: 0, last: false },
      { deltaNumber: 8, part: 1, last: true },
    ]);
    expect(appended.map(({ applied }) => applied.length > 0)).toEqual([false, true]);
  });

  test('writes for a second batch what it does not say of the first: a row that changed in between goes with the next', async () => {
    const { publisher, partition, appended, push, acknowledge } = world();
    push(1, 5);
    const first = publisher.durable();
    await turn();
    push(2, 5);
    const second = publisher.durable();
    expect([...appended[0]!.weights]).toEqual([-1, -1]);
    await acknowledge();
    await first;
    expect([...appended[1]!.weights]).toEqual([-2, -2]);
    await acknowledge();
    await second;
    expect(partition.applied.count).toBe(2);
  });

  test('tells all who wait that the log has another owner, once, and takes nothing more', async () => {
    const { publisher, lost, waiting, push, settled } = world();
    push(1, 5);
    const first = settled(publisher.durable());
    await turn();
    push(2, 6);
    const second = settled(publisher.durable());
    const error = new StarlingError('FENCED', 'another owner');
    waiting.shift()!.refuse(error);
    await turn();
    expect([first(), second(), lost]).toEqual(['lost', 'lost', [error]]);
    push(3, 7);
    await expect(publisher.durable()).rejects.toBe(error);
  });

  test('that is closed rejects who waits, without calling it lost', async () => {
    const { publisher, lost, push, settled } = world();
    push(1, 5);
    void settled(publisher.durable());
    await turn();
    push(2, 6);
    const second = settled(publisher.durable());
    publisher.close();
    await turn();
    expect([second(), lost]).toEqual(['lost', []]);
    await expect(publisher.durable()).rejects.toMatchObject({ code: 'FENCED' });
  });
});
