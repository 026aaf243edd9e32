import { codeOf, errorCodes, messageOf } from '../core/base/errors.js';
import type { ActorContext } from './actor.js';
import type { AppendOptions } from './bus.js';

/**
 * Appends until the stream acknowledges. A full disk or a server that restarts must neither lose the message nor kill
 * the actor: it waits and tries again, and says so. The message id lets JetStream drop a copy whose acknowledgement
 * was lost. Only errors that no retry can mend are thrown.
 */
export async function appendDurably(
  context: Pick<ActorContext, 'bus' | 'log'>,
  subject: string,
  bytes: Uint8Array,
  messageId?: string,
  headers?: Readonly<Record<string, string>>,
): Promise<number> {
  const options: AppendOptions = {
    ...(messageId === undefined ? {} : { messageId }),
    ...(headers === undefined ? {} : { headers }),
  };
  for (let attempt = 0; ; attempt++) {
    try {
      return await context.bus.append(subject, bytes, options);
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      const waitMs = Math.min(2_000, 50 * 2 ** attempt);
      if (attempt % 5 === 0) {
        context.log.warn(
          { subject, code: codeOf(error), err: messageOf(error), attempt, waitMs },
          'append failed; trying again',
        );
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
