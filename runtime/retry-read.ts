import type { TimeAndChance } from '../core/base/random.js';
import type { RetryPolicy } from './retry.js';
import { retry } from './retry.js';

/** A server that restarts is back by then: at least nine seconds of pauses. */
const readPolicy: RetryPolicy = { attemptsMax: 13, baseMs: 100, capMs: 2_000 };

/** Reads something that may be read again; the last error that a retry might have mended is thrown, any other at once. */
export function retried<T>(how: TimeAndChance, read: () => Promise<T>): Promise<T> {
  return retry(how, readPolicy, read);
}
