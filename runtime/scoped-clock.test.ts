import { expect, test } from '@jest/globals';
import { every } from '../core/base/clock.js';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import { ScopedClock } from './scoped-clock.js';

test('what was to run by a clock that has ended does not, and what others have goes on', async () => {
  const clock = new ManualClock();
  const [scoped, other] = [new ScopedClock(clock), new ScopedClock(clock)];
  const ran: string[] = [];
  every(scoped, 10, () => ran.push('again and again'));
  scoped.after(50, () => ran.push('late'));
  scoped.after(5, () => ran.push('called off'))();
  other.after(60, () => ran.push('of another'));
  await clock.advance(25);
  expect(ran).toEqual(['again and again', 'again and again']);
  scoped.soon(() => ran.push('soon'));
  scoped.end();
  scoped.after(1, () => ran.push('after its end'));
  scoped.soon(() => ran.push('soon after its end'));
  await new Promise((resolve) => clock.soon(() => resolve(undefined)));
  await clock.advance(100);
  expect(ran.slice(2)).toEqual(['of another']);
  expect(clock.pending).toBe(0);
  expect(scoped.nowMs()).toBe(clock.nowMs());
});
