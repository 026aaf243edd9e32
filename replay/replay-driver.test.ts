import { describe, expect, jest, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import type { Actions } from '../messages/events.js';
import type { RankBatch } from '../messages/ranking.js';
import type { EventTable } from './event-files.js';
import type { DriverOptions } from './replay-driver.js';
import { ReplayDriver } from './replay-driver.js';
import { LagWindow } from './replay-window.js';

function eventTable(count: number): EventTable {
  const indices = Array.from({ length: count }, (_unused, i) => i);
  return {
    count,
    timestamps: Float64Array.from(indices),
    users: indices.map((i) => `u${i % 7}`),
    items: indices.map((i) => `i${i}`),
    labels: Uint8Array.from(indices, (i) => (i % 3 === 0 ? 1 : 0)),
    context: { hour: indices.map((i) => (i % 2 === 0 ? '9' : '')) },
  };
}

/** A cluster that scores item iN as N / 1000 and learns each label after a turn of the event loop. */
function pretendCluster(window: LagWindow, wake: () => void) {
  const batches: RankBatch[] = [];
  const actions: Actions[] = [];
  let learned = 0;
  let aheadMax = 0;
  return {
    batches,
    actions,
    get aheadMax() {
      return aheadMax;
    },
    requests: {
      rank: async (_home: number, batch: RankBatch) => {
        batches.push(batch);
        for (const id of batch.requestIds) {
          aheadMax = Math.max(aheadMax, Number(id.split('-')[1]) - learned);
        }
        await new Promise((resolve) => setImmediate(resolve));
        const scores = Float32Array.from(batch.items, (item) => Number(item.slice(1)) / 1000);
        return { scores, denseVersion: batches.length };
      },
      act: async (_home: number, batch: Actions) => {
        actions.push(batch);
        setImmediate(() => {
          learned += batch.requestIds.length;
          window.learn(learned);
          wake();
        });
      },
    },
  };
}

function setUp(changes: Partial<DriverOptions> & { count?: number } = {}) {
  const { count = 500, lagMax = 10 } = changes;
  const window = changes.window ?? new LagWindow({ lagMax });
  const cluster = pretendCluster(window, () => driver.wake());
  const driver: ReplayDriver = new ReplayDriver({
    events: eventTable(count),
    requests: cluster.requests,
    window,
    siteCount: 2,
    runId: 'run',
    atMs: (row) => row,
    maySend: () => true,
    implicit: false,
    lagMax,
    onStall: async () => undefined,
    ...changes,
  });
  return { driver, cluster };
}

describe('the driver of a replay', () => {
  test.each([0, 1, 10, 100, Infinity])(
    'scores every event, with a lag of at most %d',
    async (lagMax) => {
      const { driver, cluster } = setUp({ lagMax });
      await driver.run(() => false);
      expect(driver).toMatchObject({ scored: 500, actions: 500 });
      expect(cluster.aheadMax).toBeLessThanOrEqual(Math.min(lagMax, 500));
      expect([...driver.scores].every((score, i) => Math.abs(score - i / 1000) < 1e-6)).toBe(true);
    },
  );

  test('sends each event once, to the data center of its user, with its context', async () => {
    const { driver, cluster } = setUp({ lagMax: Infinity });
    await driver.run(() => false);
    const ids = cluster.batches.flatMap((batch) => batch.requestIds);
    expect(new Set(ids).size).toBe(500);
    const [batch] = cluster.batches;
    expect(batch).toMatchObject({ log: 'required' });
    const row = batch!.requestIds.indexOf('run-0');
    if (row >= 0) expect(batch!.contexts[row]).toEqual({ hour: '9' });
    expect(
      cluster.batches.flatMap((each) => each.contexts).filter((each) => 'hour' in each),
    ).toHaveLength(250);
  });

  test('tells positives only when negatives are implicit', async () => {
    const window = new LagWindow({ lagMax: 10, implicitMs: 1e9 });
    const { driver, cluster } = setUp({ window, implicit: true });
    await driver.run(() => false);
    expect(driver).toMatchObject({ scored: 500, actions: 167 });
    expect(cluster.actions.every(({ labels }) => labels.every((label) => label === 1))).toBe(true);
  });

  test('sends impression and action with the time it is given', async () => {
    const { driver, cluster } = setUp({ count: 1, atMs: () => 5_000 });
    await driver.run(() => false);
    expect(cluster.batches[0]!.atMs[0]).toBe(5_000);
    expect(cluster.actions[0]!.atMs[0]).toBe(5_000);
  });

  test('holds an event back until it may be sent', async () => {
    const { driver } = setUp({
      lagMax: Infinity,
      maySend: (row) => row < 100 || driver.scored >= 100,
    });
    await driver.run(() => false);
    expect(driver.scored).toBe(500);
  });

  test('ends when stopped, with the labels of all it has scored', async () => {
    const { driver } = setUp();
    await driver.run(() => driver.scored >= 100);
    expect(driver.scored).toBeLessThan(500);
    expect(driver.actions).toBe(driver.scored);
  });

  test('goes on after a standstill once the window says so', async () => {
    const window = new LagWindow({ lagMax: 0 });
    const requests = {
      rank: async (_home: number, batch: RankBatch) => ({
        scores: new Float32Array(batch.users.length),
        denseVersion: 1,
      }),
      act: async () => undefined, // Nothing is ever learned.
    };
    let stalls = 0;
    const { driver } = setUp({
      count: 3,
      window,
      lagMax: 0,
      requests,
      onStall: async () => {
        stalls++;
        window.catchUp();
      },
    });
    jest.useFakeTimers();
    try {
      const run = driver.run(() => false);
      await jest.advanceTimersByTimeAsync(5_000);
      await run;
    } finally {
      jest.useRealTimers();
    }
    expect(driver.scored).toBe(3);
    expect(stalls).toBeGreaterThanOrEqual(2);
  });

  test('fails with what a request met', async () => {
    const rank = () => Promise.reject(new StarlingError('NO_RESPONDERS', 'nobody'));
    const { driver } = setUp({ requests: { rank, act: async () => undefined } });
    await expect(driver.run(() => false)).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
  });
});
