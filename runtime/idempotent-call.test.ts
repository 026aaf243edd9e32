import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { encode, errorReply } from '../messages/codec.js';
import type { Bus } from './bus/bus.js';
import type { RequestOptions } from './bus/requests.js';
import { call } from './idempotent-call.js';
import { system } from './system.js';

type Answer = { readonly afterMs: number; readonly reply: unknown } | 'never';

/** Answers the first request with the first answer, and so on; `timeouts` are what each was told. */
function pretendBus(...answers: Answer[]) {
  const timeouts: number[] = [];
  const repeated: boolean[] = [];
  const request = async (_subject: string, _bytes: Uint8Array, how: RequestOptions) => {
    const answer = answers[timeouts.length] ?? 'never';
    timeouts.push(how.timeoutMs);
    repeated.push(how.repeated ?? false);
    const afterMs = answer === 'never' ? Infinity : answer.afterMs;
    // What nobody waits for any more must not keep the test's process.
    await new Promise((resolve) => setTimeout(resolve, Math.min(afterMs, how.timeoutMs)).unref());
    if (answer === 'never' || afterMs > how.timeoutMs) throw new StarlingError('TIMEOUT', 'none');
    return encode(answer.reply);
  };
  return { bus: { request, ...system } as unknown as Bus, timeouts, repeated };
}

const failure = (code: 'BAD_REQUEST' | 'OVERLOADED' | 'NO_RESPONDERS') =>
  errorReply(new StarlingError(code, 'as told'));

describe('a call', () => {
  test('takes the answer of whoever was asked first, though somebody else was asked since', async () => {
    const { bus, timeouts } = pretendBus({ afterMs: 150, reply: { told: 'first' } }, 'never');
    expect(await call(bus, 'x', {}, { deadlineMs: 5_000, attemptMs: 50 })).toEqual({
      told: 'first',
    });
    expect(timeouts.length).toBeGreaterThan(1);
  });

  test('takes the answer of whoever was asked next when the first one hangs', async () => {
    const { bus, repeated } = pretendBus('never', { afterMs: 0, reply: { told: 'second' } });
    expect(await call(bus, 'x', {}, { deadlineMs: 5_000, attemptMs: 20 })).toEqual({
      told: 'second',
    });
    // Whoever is in the same process is not asked again.
    expect(repeated).toEqual([false, true]);
  });

  test('waits on for the first when the second is refused for now', async () => {
    const { bus } = pretendBus(
      { afterMs: 120, reply: { told: 'first' } },
      { afterMs: 0, reply: failure('OVERLOADED') },
    );
    expect(await call(bus, 'x', {}, { deadlineMs: 2_000, attemptMs: 60 })).toEqual({
      told: 'first',
    });
  });

  test('that is refused for now asks again when it was told to, or does without', async () => {
    const reply = errorReply(new StarlingError('OVERLOADED', 'as told', { retryAfterMs: 150 }));
    const answers: Answer[] = [
      { afterMs: 0, reply },
      { afterMs: 0, reply: { told: 'second' } },
    ];
    const { bus, timeouts } = pretendBus(...answers);
    expect(await call(bus, 'x', {}, { deadlineMs: 2_000 })).toEqual({ told: 'second' });
    expect(timeouts[1]).toBeLessThanOrEqual(2_000 - 149);
    const once = pretendBus(...answers);
    const asked = call(once.bus, 'x', {}, { deadlineMs: 2_000, refused: 'final' });
    await expect(asked).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(once.timeouts).toHaveLength(1);
  });

  test('tells each how long it still waits', async () => {
    const { bus, timeouts } = pretendBus('never', 'never', 'never');
    const asked = call(bus, 'x', {}, { deadlineMs: 300, attemptMs: 100 });
    await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(timeouts[0]).toBeGreaterThan(250);
    expect(timeouts[1]).toBeLessThanOrEqual(201);
    expect(timeouts.length).toBeLessThanOrEqual(3);
  });

  test('that is out of time after a pause tells what it was told before it', async () => {
    const request = (): Promise<Uint8Array> => {
      // Busy beyond the deadline, as a process is that has other work.
      setTimeout(() => {
        for (const endMs = performance.now() + 150; performance.now() < endMs;);
      }, 1);
      return Promise.resolve(encode(failure('OVERLOADED')));
    };
    const asked = call({ request, ...system }, 'x', {}, { deadlineMs: 100 });
    await expect(asked).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  test('asks once when it shall, whatever comes', async () => {
    const refused = pretendBus({ afterMs: 0, reply: failure('OVERLOADED') });
    const once = { deadlineMs: 200, attemptMs: 20, retry: 'none' } as const;
    await expect(call(refused.bus, 'x', {}, once)).rejects.toMatchObject({ code: 'OVERLOADED' });
    const silent = pretendBus('never');
    await expect(call(silent.bus, 'x', {}, once)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect([refused.timeouts.length, silent.timeouts.length]).toEqual([1, 1]);
  });

  test('ends at once with what is wrong with the request, though others were asked', async () => {
    const { bus, timeouts } = pretendBus('never', { afterMs: 0, reply: failure('BAD_REQUEST') });
    const asked = call(bus, 'x', {}, { deadlineMs: 2_000, attemptMs: 20 });
    await expect(asked).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(timeouts).toHaveLength(2);
  });

  test('leaves to the caller where nobody is, if he has somewhere else to ask', async () => {
    const nobody = { afterMs: 0, reply: failure('NO_RESPONDERS') };
    const { bus, timeouts } = pretendBus(nobody, { afterMs: 0, reply: { told: 'somebody came' } });
    const options = { deadlineMs: 5_000, hasAlternative: true };
    await expect(call(bus, 'x', {}, options)).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
    expect(timeouts).toHaveLength(1);
    const patient = pretendBus(nobody, { afterMs: 0, reply: { told: 'somebody came' } });
    expect(await call(patient.bus, 'x', {}, { deadlineMs: 5_000 })).toEqual({
      told: 'somebody came',
    });
  });
});
