import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import { Lease } from './lease.js';

const leaseMs = 400;
const unavailable = new StarlingError('UNAVAILABLE', 'the bucket is away');

/** A lease whose renewals end as the test says, and what became of it. */
function pretendLease() {
  const clock = new ManualClock();
  const seen = { renewals: 0, returned: [] as number[], failing: 0, lost: 0 };
  const state = {
    failure: undefined as Error | undefined,
    delayMs: 0,
    returning: Promise.resolve(),
  };
  const lease = new Lease({
    leaseMs,
    clock,
    renew: async () => {
      seen.renewals++;
      if (state.delayMs > 0)
        await new Promise<void>((resolve) => void clock.after(state.delayMs, resolve));
      if (state.failure) throw state.failure;
    },
    returned: async (sinceMs) => {
      seen.returned.push(sinceMs);
      await state.returning;
    },
    failing: () => void seen.failing++,
    lost: () => void seen.lost++,
  });
  return { lease, clock, seen, state };
}

describe('a lease', () => {
  test('is renewed four times in its time, so that two renewals may be lost', async () => {
    const { lease, clock, seen, state } = pretendLease();
    await lease.start();
    expect(lease.valid).toBe(true);
    await clock.advance(leaseMs);
    expect(seen.renewals).toBe(1 + 4);
    state.failure = unavailable;
    await clock.advance(200);
    expect(lease.valid).toBe(true);
    state.failure = undefined;
    await clock.advance(100);
    await clock.advance(leaseMs - 1);
    expect(lease).toMatchObject({ valid: true, lapses: 0 });
  });

  test('counts from when a renewal was sent, not from when it was answered', async () => {
    const { lease, clock, state } = pretendLease();
    await lease.start();
    state.delayMs = 250;
    await clock.advance(100 + 250); // The renewal of 100 is answered at 350.
    state.failure = unavailable;
    await clock.advance(149);
    expect(lease.valid).toBe(true);
    await clock.advance(1);
    expect(lease.valid).toBe(false);
  });

  test('runs out while the process sleeps, and counts again only after what its holder does first', async () => {
    const { lease, clock, seen, state } = pretendLease();
    await lease.start();
    let finish = (): void => undefined;
    state.returning = new Promise((resolve) => (finish = resolve));
    clock.jump(leaseMs + 250);
    expect(lease.valid).toBe(false);
    await clock.advance(0);
    expect(seen.returned).toEqual([250]);
    expect(lease.valid).toBe(false);
    finish();
    await clock.advance(0);
    expect(lease).toMatchObject({ valid: true, lapses: 1 });
  });

  test('tells of the first failure in a row only', async () => {
    const { lease, clock, seen, state } = pretendLease();
    await lease.start();
    state.failure = unavailable;
    await clock.advance(3 * leaseMs);
    expect(seen.failing).toBe(1);
    state.failure = undefined;
    await clock.advance(100);
    state.failure = unavailable;
    await clock.advance(100);
    expect(seen.failing).toBe(2);
  });

  test('ends at once and for good when somebody else has it', async () => {
    const { lease, clock, seen, state } = pretendLease();
    await lease.start();
    state.failure = new StarlingError('FENCED', 'a later life');
    await clock.advance(100);
    expect(lease.valid).toBe(false);
    state.failure = undefined;
    await clock.advance(10 * leaseMs);
    expect(seen).toMatchObject({ renewals: 2, lost: 1, failing: 0 });
    expect(clock.pending).toBe(0);
  });

  test('is tried again until it is held for the first time', async () => {
    const { lease, clock, seen, state } = pretendLease();
    state.failure = unavailable;
    let held = false;
    void lease.start().then(() => (held = true));
    await clock.advance(250);
    expect(held).toBe(false);
    state.failure = undefined;
    await clock.advance(50);
    expect({ held, renewals: seen.renewals }).toEqual({ held: true, renewals: 4 });
  });

  test('that its holder has written by other means is kept from there', async () => {
    const { lease, clock, seen } = pretendLease();
    lease.keep();
    expect(lease.valid).toBe(true);
    expect(seen.renewals).toBe(0);
    await clock.advance(100);
    expect(seen.renewals).toBe(1);
  });

  test('is not renewed after it was stopped, and runs out', async () => {
    const { lease, clock, seen } = pretendLease();
    await lease.start();
    lease.stop();
    await clock.advance(leaseMs);
    expect(seen.renewals).toBe(1);
    expect(lease.valid).toBe(false);
  });

  test('is confirmed by one renewal for all who ask, and is not when somebody else has it', async () => {
    const { lease, seen, state } = pretendLease();
    await lease.start();
    await Promise.all([lease.confirm(), lease.confirm(), lease.confirm()]);
    expect(seen.renewals).toBe(2);
    state.failure = unavailable;
    await expect(lease.confirm()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect([lease.valid, seen.lost]).toEqual([true, 0]);
    state.failure = new StarlingError('FENCED', 'a later life has it');
    await expect(lease.confirm()).rejects.toMatchObject({ code: 'FENCED' });
    expect([lease.valid, seen.lost]).toEqual([false, 1]);
    lease.stop();
  });
});
