import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { Bus } from './bus/bus.js';
import type { AppendOptions } from './bus/logs.js';
import type { RetryPolicy } from './retry.js';
import { isRetryable, retry } from './retry.js';

export interface DurableLog {
  readonly bus: Pick<Bus, 'append' | 'clock' | 'random'>;
  readonly log: Pick<Logger, 'warn'>;
}

const appendPolicy: RetryPolicy = {
  baseMs: 50,
  capMs: 2_000,
  worth: (error) => isRetryable(error) && codeOf(error) !== 'CONFLICT',
};

/** Too low: a long outage fills the log. Too high: nobody learns that it goes on. */
const failuresPerWarning = 5;

/**
 * Appends until the stream acknowledges. A full disk or a server that restarts must neither lose the message nor kill
 * the actor: it waits and tries again, and says so. The message id lets JetStream drop a copy whose acknowledgement
 * was lost. Only errors that no retry can mend are thrown, and CONFLICT, which is for the caller to judge.
 */
export function appendDurably(
  { bus, log }: DurableLog,
  subject: string,
  bytes: Uint8Array,
  options: Omit<AppendOptions, 'timeoutMs'> = {},
): Promise<number> {
  return retry(bus, appendPolicy, () => bus.append(subject, bytes, options), {
    failed: (error, { number: attempt, waitMs }) => {
      if (attempt % failuresPerWarning !== 1) return;
      log.warn(
        { subject, code: codeOf(error), err: messageOf(error), attempt, waitMs },
        'append failed; trying again',
      );
    },
  });
}
