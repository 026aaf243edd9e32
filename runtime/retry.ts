import { sleep, type Clock } from '../core/base/clock.js';
import type { TimeAndChance } from '../core/base/random.js';
import { codeOf, errorCodes } from '../core/base/errors.js';

/**
 * What may be tried again, how often, and after what pauses: they double from `baseMs` up to `capMs`, and of each a
 * part is left to chance, so that those who failed together, as all do when a server dies, do not come back in step
 * (M. Brooker, Exponential Backoff And Jitter, 2015).
 */
export interface RetryPolicy {
  /** Tries in all; absent: as many as the time allows. */
  readonly attemptsMax?: number;
  /** For all tries and pauses; a pause that would end later is not begun. Absent: as long as the tries last. */
  readonly deadlineMs?: number;
  /** Too low: who is busy is asked still more. Too high: part of every short outage. */
  readonly baseMs: number;
  /** Too low: a long outage is met with a storm of requests. Too high: its end is noticed so much later. */
  readonly capMs: number;
  /** The part of each pause that chance may take away. */
  readonly jitter?: number;
  /** Which errors another try may mend; absent: those whose code is retryable. */
  readonly worth?: (error: unknown) => boolean;
}

export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Until the deadline, at least a millisecond: for a time limit of what is tried. */
  readonly leftMs: number;
}

export interface RetryHow {
  /** Hears of each failure that is not the last, before the pause. */
  readonly failed?: (error: unknown, attempt: Attempt & { readonly waitMs: number }) => void;
  /** Ends a pause at once; there is no further try then. */
  readonly signal?: AbortSignal;
}

/** What half of them waits at least, and all of them at most. */
const jitterDefault = 0.5;

/** The pause that follows so many failures in a row. @param chance in [0, 1). */
export function pauseMsAfter(
  failures: number,
  { baseMs, capMs, jitter = jitterDefault }: Pick<RetryPolicy, 'baseMs' | 'capMs' | 'jitter'>,
  chance: number,
): number {
  return Math.min(capMs, baseMs * 2 ** (failures - 1)) * (1 - jitter + jitter * chance);
}

export function isRetryable(error: unknown): boolean {
  return errorCodes[codeOf(error)].retryable;
}

/**
 * Tries until it works.
 * @throws what the last try met.
 */
export async function retry<T>(
  { clock, random }: TimeAndChance,
  policy: RetryPolicy,
  run: (attempt: Attempt) => Promise<T>,
  { failed, signal }: RetryHow = {},
): Promise<T> {
  const { attemptsMax = Infinity, deadlineMs = Infinity, worth = isRetryable } = policy;
  const endMs = clock.nowMs() + deadlineMs;
  for (let number = 1; ; number++) {
    const attempt = { number, leftMs: Math.max(1, endMs - clock.nowMs()) };
    try {
      return await run(attempt);
    } catch (error) {
      const waitMs = pauseMsAfter(number, policy, random.next());
      const isLast = number >= attemptsMax || clock.nowMs() + waitMs >= endMs;
      if (isLast || signal?.aborted || !worth(error)) throw error;
      failed?.(error, { ...attempt, waitMs });
      await pause(clock, waitMs, signal);
      if (signal?.aborted) throw error;
    }
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return sleep(clock, ms);
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done);
  });
}
