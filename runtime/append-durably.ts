import { codeOf, errorCodes, messageOf } from '../core/base/errors.js';
import type { ActorContext } from './actor.js';
import type { AppendOptions } from './bus.js';

/**
 * Appends until the stream acknowledges. A full disk or a server that restarts must neither lose the message nor kill
 * the actor: it waits and tries again, and says so. The message id lets JetStream drop a copy whose acknowledgement
 * was lost. Only errors that no retry can mend are thrown, and CONFLICT, which is for the caller to judge.
 */
export async function appendDurably(
  context: Pick<ActorContext, 'bus' | 'log'>,
  subject: string,
  bytes: Uint8Array,
  options: Omit<AppendOptions, 'timeoutMs'> = {},
): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await context.bus.append(subject, bytes, options);
    } catch (error) {
      const code = codeOf(error);
      if (!errorCodes[code].retryable || code === 'CONFLICT') throw error;
      const waitMs = Math.min(2_000, 50 * 2 ** attempt);
      if (attempt % 5 === 0) {
        context.log.warn(
          { subject, code, err: messageOf(error), attempt, waitMs },
          'append failed; trying again',
        );
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
