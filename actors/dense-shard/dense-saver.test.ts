import { beforeEach, describe, expect, test } from '@jest/globals';
import { DenseSaver } from './dense-saver.js';

let version: number;
let saved: number[];
let crashes: unknown[];
/** Saves under way; ended by the test. */
let ends: ((error?: Error) => void)[];
let pauses: number[];
let nowMs: number;
let saver: DenseSaver;

const turns = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

beforeEach(() => {
  version = 1;
  saved = [];
  crashes = [];
  ends = [];
  pauses = [];
  nowMs = 0;
  saver = new DenseSaver({
    version: () => version,
    save: () => {
      saved.push(version);
      return new Promise((resolve, reject) =>
        ends.push((error) => (error ? reject(error) : resolve())),
      );
    },
    pause: async (ms) => void pauses.push(ms),
    nowMs: () => nowMs,
    crash: (error) => void crashes.push(error),
  });
  saver.begin();
});

/** Whether a promise has ended by now. */
async function has(promise: Promise<void>): Promise<boolean> {
  let ended = false;
  void promise.then(() => (ended = true));
  await turns();
  return ended;
}

describe('a saver', () => {
  test('has nothing to save where nothing was applied', async () => {
    expect(await has(saver.durable())).toBe(true);
    expect(saved).toEqual([]);
  });

  test('makes what is applied durable in one save for all who wait', async () => {
    version = 2;
    const waiting = [saver.durable(), saver.durable()];
    await turns();
    ends.shift()!();
    await Promise.all(waiting);
    expect(saver.saves).toBe(1);
    expect(saved).toEqual([2]);
    expect(await has(saver.durable())).toBe(true);
  });

  test('does not take for durable what was applied during a save', async () => {
    version = 2;
    const first = saver.durable();
    await turns();
    version = 3;
    const second = saver.durable();
    ends.shift()!();
    expect(await has(first)).toBe(true);
    expect(await has(second)).toBe(false);
    expect(pauses).toEqual([100]);
    ends.shift()!();
    expect(await has(second)).toBe(true);
    expect(saved).toEqual([2, 3]);
  });

  test('saves a tenth of the time at most, however long it takes', async () => {
    version = 2;
    void saver.durable();
    await turns();
    version = 3;
    const second = saver.durable();
    nowMs = 400;
    ends.shift()!();
    await turns();
    expect(pauses).toEqual([3_600]);
    ends.shift()!();
    expect(await has(second)).toBe(true);
  });

  test('tells nobody that it is durable when the log refuses, and crashes', async () => {
    version = 2;
    const waiting = saver.durable();
    await turns();
    ends.shift()!(new Error('another life has written'));
    expect(await has(waiting)).toBe(false);
    expect(crashes).toHaveLength(1);
    expect(await has(saver.idle())).toBe(true);
  });

  test('is idle once nobody waits', async () => {
    expect(await has(saver.idle())).toBe(true);
    version = 2;
    void saver.durable();
    await turns();
    expect(await has(saver.idle())).toBe(false);
    ends.shift()!();
    expect(await has(saver.idle())).toBe(true);
  });
});
