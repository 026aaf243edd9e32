import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import { StarlingError, type ErrorCode } from '../core/base/errors.js';
import type { RetryHow, RetryPolicy } from './retry.js';
import { pauseMsAfter, retry } from './retry.js';
import { systemRandom } from './system.js';

const policy: RetryPolicy = { baseMs: 10, capMs: 100 };

interface Pretended extends RetryHow {
  readonly clock: ManualClock;
  /** Default: none. */
  readonly chance?: () => number;
}

/** Fails with each code in turn, then succeeds; what it was tried with, and at what times. */
function pretendWork(codes: readonly ErrorCode[], { clock, chance = () => 0, ...how }: Pretended) {
  const atMs: number[] = [];
  const leftMs: number[] = [];
  const waits: number[] = [];
  const random = { next: chance, id: () => '' };
  const start = (with_: RetryPolicy): Promise<string> =>
    retry(
      { clock, random },
      with_,
      async (attempt) => {
        atMs.push(clock.nowMs());
        leftMs.push(attempt.leftMs);
        const code = codes[attempt.number - 1];
        if (code) throw new StarlingError(code, `try ${attempt.number}`);
        return `try ${attempt.number}`;
      },
      { failed: (_error, { waitMs }) => waits.push(waitMs), ...how },
    );
  return { start, atMs, leftMs, waits };
}

const five = Array<ErrorCode>(5).fill('UNAVAILABLE');

describe('a retry', () => {
  test('takes the first answer there is', async () => {
    const { start, atMs } = pretendWork([], { clock: new ManualClock() });
    expect(await start(policy)).toBe('try 1');
    expect(atMs).toEqual([0]);
  });

  test('waits twice as long after each failure, up to the cap', async () => {
    const clock = new ManualClock();
    const { start, waits } = pretendWork(five, { clock, chance: () => 1 });
    const answer = start(policy);
    await clock.advance(1_000);
    expect(await answer).toBe('try 6');
    expect(waits).toEqual([10, 20, 40, 80, 100]);
  });

  test('leaves half of each pause to chance', async () => {
    const clock = new ManualClock();
    const draws = [0, 0.5, 0.25];
    const { start, waits } = pretendWork(five.slice(0, 3), { clock, chance: () => draws.shift()! });
    const answer = start(policy);
    await clock.advance(1_000);
    expect(await answer).toBe('try 4');
    expect(waits).toEqual([5, 15, 25]);
  });

  test('does not try again what no try can mend', async () => {
    const { start, atMs } = pretendWork(['BAD_REQUEST'], { clock: new ManualClock() });
    await expect(start(policy)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(atMs).toHaveLength(1);
  });

  test('tries again what its policy says, and nothing else', async () => {
    const worth = (error: unknown): boolean => (error as StarlingError).code === 'CONFLICT';
    const clock = new ManualClock();
    const { start } = pretendWork(['CONFLICT', 'UNAVAILABLE'], { clock });
    const answer = start({ ...policy, worth });
    const refused = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await clock.advance(100);
    await refused;
  });

  test('ends with what the last of its tries met', async () => {
    const clock = new ManualClock();
    const { start, atMs } = pretendWork(five, { clock });
    const refused = expect(start({ ...policy, attemptsMax: 3 })).rejects.toMatchObject({
      message: 'try 3',
    });
    await clock.advance(1_000);
    await refused;
    expect(atMs).toEqual([0, 5, 15]);
  });

  test('begins no pause that would end after its deadline, and tells each try what is left', async () => {
    const clock = new ManualClock();
    const { start, atMs, leftMs } = pretendWork(five, { clock });
    const refused = expect(start({ ...policy, deadlineMs: 35 })).rejects.toMatchObject({
      message: 'try 3',
    });
    await clock.advance(1_000);
    await refused;
    expect(atMs).toEqual([0, 5, 15]);
    expect(leftMs).toEqual([35, 30, 20]);
    expect(clock.pending).toBe(0);
  });

  test('that is called off waits no longer and is not tried again', async () => {
    const clock = new ManualClock();
    const calling = new AbortController();
    const { start, atMs } = pretendWork(five, { clock, signal: calling.signal });
    const refused = expect(start(policy)).rejects.toMatchObject({ message: 'try 1' });
    await clock.advance(1);
    calling.abort();
    await refused;
    expect(atMs).toEqual([0]);
    expect(clock.pending).toBe(0);
  });

  test('spreads those who failed together', () => {
    const pauses = Array.from({ length: 200 }, () => pauseMsAfter(3, policy, systemRandom.next()));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...pauses)).toBeLessThan(40);
    expect(new Set(pauses.map((ms) => Math.floor(ms))).size).toBeGreaterThan(10);
  });
});
