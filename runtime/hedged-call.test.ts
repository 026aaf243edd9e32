import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import { encode, errorReply } from '../messages/codec.js';
import type { Bus } from './bus/bus.js';
import type { RequestOptions } from './bus/requests.js';
import { Breakers, HedgeBudget, hedgedCall } from './hedged-call.js';
import { system } from './system.js';

/** Answers by subject, as late as it says; a subject without an answer hangs. */
function pretendBus(answers: Readonly<Record<string, { afterMs: number; reply: unknown }>>) {
  const asked: string[] = [];
  const clock = new ManualClock();
  const bus = {
    ...system,
    clock,
    request: async (subject: string, _bytes: Uint8Array, options: RequestOptions) => {
      asked.push(options.repeated === true ? `${subject} again` : subject);
      const answer = answers[subject];
      const afterMs = Math.min(answer?.afterMs ?? Infinity, options.timeoutMs);
      await new Promise<void>((resolve) => clock.after(afterMs, resolve));
      if (!answer || answer.afterMs > afterMs) throw new StarlingError('TIMEOUT', 'nobody');
      return encode(answer.reply);
    },
  };
  /** What comes of it, as time passes. */
  async function passing<T>(sent: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => void (isSettled = true);
    sent.then(settled, settled);
    while (!isSettled) await clock.advance(5);
    return sent;
  }
  return { bus: bus as unknown as Bus, asked, clock, passing };
}

const options = { deadlineMs: 400, attemptMs: 400, hedgeMs: 20, retry: 'none' as const };

describe('a hedged call', () => {
  test('asks once while the answer comes in time', async () => {
    const { bus, asked, passing } = pretendBus({ here: { afterMs: 0, reply: { told: 'a' } } });
    const budget = new HedgeBudget();
    const sent = hedgedCall(bus, 'here', 'there', {}, { ...options, budget });
    expect(await passing(sent)).toEqual({ told: 'a' });
    expect(asked).toEqual(['here']);
    expect(budget.hedged).toBe(0);
  });

  test('takes the answer from elsewhere when the first one hangs', async () => {
    const { bus, asked, passing } = pretendBus({ there: { afterMs: 0, reply: { told: 'b' } } });
    const budget = new HedgeBudget();
    const sent = hedgedCall(bus, 'here', 'there', {}, { ...options, budget });
    expect(await passing(sent)).toEqual({ told: 'b' });
    expect(asked).toEqual(['here', 'there again']);
    expect(budget.hedged).toBe(1);
  });

  test('does not take elsewhere what is wrong with the request', async () => {
    const wrong = errorReply(new StarlingError('BAD_REQUEST', 'no'));
    const { bus, asked, passing } = pretendBus({ here: { afterMs: 0, reply: wrong } });
    const sent = hedgedCall(bus, 'here', 'there', {}, { ...options, budget: new HedgeBudget() });
    await expect(passing(sent)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(asked).toEqual(['here']);
  });

  test('fails as the first one did when nobody answers', async () => {
    const { bus, passing } = pretendBus({});
    const sent = hedgedCall(bus, 'here', 'there', {}, { ...options, budget: new HedgeBudget() });
    await expect(passing(sent)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('does not wait for a second answer beyond the deadline', async () => {
    const { bus, passing } = pretendBus({ there: { afterMs: 390, reply: { told: 'late' } } });
    const sent = hedgedCall(bus, 'here', 'there', {}, { ...options, budget: new HedgeBudget() });
    await expect(passing(sent)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('leaves out a way on which nobody answers', async () => {
    const { bus, asked, clock, passing } = pretendBus({
      there: { afterMs: 0, reply: { told: 'b' } },
    });
    const breakers = new Breakers(bus.clock);
    const ask = () =>
      hedgedCall(bus, 'here', 'there', {}, { ...options, budget: new HedgeBudget(), breakers });
    await passing(Promise.all(Array.from({ length: 16 }, ask)));
    // Those that were hedged have given up waiting for the first way by then.
    await clock.advance(options.deadlineMs);
    asked.length = 0;
    for (let i = 0; i < 5; i++) expect(await passing(ask())).toEqual({ told: 'b' });
    // One of them was to find out whether the way is free again.
    expect(asked.filter((subject) => subject === 'here')).toHaveLength(1);
  });

  test('fails at once where every way is a dead end', async () => {
    const { bus, asked, passing } = pretendBus({});
    const breakers = new Breakers(bus.clock);
    const ask = () =>
      hedgedCall(bus, 'here', 'there', {}, { ...options, budget: new HedgeBudget(), breakers });
    await passing(Promise.allSettled(Array.from({ length: 16 }, ask)));
    // Each way is tried once; the third one finds none left to try.
    asked.length = 0;
    const [, , third] = await passing(Promise.allSettled([ask(), ask(), ask()]));
    expect(third).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    expect(asked).toEqual(['here', 'there']);
  });

  test('sends no third copy while the second is under way', async () => {
    const { bus, asked, passing } = pretendBus({ there: { afterMs: 200, reply: { told: 'b' } } });
    const budget = new HedgeBudget();
    const how = { deadlineMs: 400, attemptMs: 60, hedgeMs: 20, budget };
    expect(await passing(hedgedCall(bus, 'here', 'there', {}, how))).toEqual({ told: 'b' });
    expect(asked).toEqual(['here', 'there again']);
  });

  test('asks here again when it may not go elsewhere', async () => {
    const { bus, asked, passing } = pretendBus({});
    const budget = new HedgeBudget(0, 0);
    const how = { deadlineMs: 400, attemptMs: 60, hedgeMs: 20, budget };
    const sent = hedgedCall(bus, 'here', 'there', {}, how);
    await expect(passing(sent)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(asked).toEqual(['here', 'here again']);
    expect(budget.hedged).toBe(0);
  });

  test('is asked twice for a share of all requests only', async () => {
    const budget = new HedgeBudget(0.1, 5);
    let taken = 0;
    for (let i = 0; i < 1_000; i++) {
      budget.earn();
      if (budget.take()) taken++;
    }
    expect(taken).toBeGreaterThanOrEqual(100);
    expect(taken).toBeLessThanOrEqual(106);
  });
});
