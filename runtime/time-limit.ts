import type { Cancel, Clock } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';

type Timers = Pick<Clock, 'after'>;

const late = Symbol('late');

/** The timer does not outlive the answer: one for each request would pile up. */
async function raced<T>(clock: Timers, ms: number, work: Promise<T>): Promise<T | typeof late> {
  let cancel: Cancel = () => undefined;
  const over = new Promise<typeof late>((resolve) => {
    cancel = clock.after(ms, () => resolve(late));
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    cancel();
  }
}

/**
 * What `work` gives, unless it takes longer.
 * @throws StarlingError TIMEOUT; the work itself goes on, and nobody hears of it.
 */
export async function within<T>(
  clock: Timers,
  ms: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const answer = await raced(clock, ms, work);
  if (answer !== late) return answer;
  throw new StarlingError('TIMEOUT', `${what}: no answer within ${Math.round(ms)} ms.`);
}

/** What `work` gives; undefined when the time is over before. */
export async function inTime<T>(
  clock: Timers,
  ms: number,
  work: Promise<T>,
): Promise<T | undefined> {
  const answer = await raced(clock, ms, work);
  return answer === late ? undefined : answer;
}

/** Resolves when `work` does, or when the time is over. */
export async function atMost(clock: Timers, ms: number, work: Promise<void>): Promise<void> {
  await raced(clock, ms, work);
}
