import { describe, expect, test } from '@jest/globals';
import { InFlight } from './in-flight.js';
import { systemClock } from './system.js';

const never = (): Promise<never> => new Promise(() => undefined);
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('requests in flight', () => {
  test('are told at once that nobody will answer', async () => {
    const inFlight = new InFlight(systemClock);
    const request = inFlight.request(60_000, never);
    inFlight.lose();
    await expect(request).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await inFlight.idle(60_000);
  });

  test('wait for a server, and have what is left of their time then', async () => {
    const inFlight = new InFlight(systemClock);
    inFlight.hold();
    const leftMs = inFlight.request(60_000, async (left) => left);
    await soon();
    inFlight.release();
    expect(await leftMs).toBeLessThanOrEqual(60_000);
    expect(await inFlight.request(5, async (left) => left)).toBe(5);
  });

  test('that find no server in time are late', async () => {
    const inFlight = new InFlight(systemClock);
    inFlight.hold();
    await expect(inFlight.request(10, never)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('and what is answered to others keep it from being idle', async () => {
    const inFlight = new InFlight(systemClock);
    let answer = (): void => undefined;
    const request = inFlight.request(60_000, () => new Promise<void>((done) => (answer = done)));
    inFlight.begin();
    let idle = false;
    const waiting = inFlight.idle(60_000).then(() => (idle = true));
    answer();
    await request;
    await soon();
    expect(idle).toBe(false);
    inFlight.end();
    await waiting;
  });

  test('fail with what the client throws', async () => {
    const cause = new Error('why');
    await expect(new InFlight(systemClock).request(5, () => Promise.reject(cause))).rejects.toBe(
      cause,
    );
  });

  test('are not waited for longer than asked', async () => {
    const inFlight = new InFlight(systemClock);
    inFlight.begin();
    await inFlight.idle(5);
    inFlight.hold();
    await inFlight.passable(5);
  });
});
