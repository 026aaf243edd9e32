import { StarlingError, codeOf, errorCodes } from '../core/base/errors.js';
import { decode, encode, refuseErrorReply } from '../messages/codec.js';
import type { Bus } from './bus.js';

export interface CallOptions {
  /** All attempts together end by then. */
  readonly deadlineMs: number;
  /** One attempt is given up after this long and sent again, perhaps to another replica. */
  readonly attemptMs?: number;
  /** Codes worth another attempt beside those that are retryable by themselves; `none` for a single attempt. */
  readonly retry?: 'retryable' | 'none';
  /** Where nobody is there to ask, the caller asks elsewhere: that is not waited out. */
  readonly hasAlternative?: boolean;
}

/** An idempotent request in CBOR: retried within its deadline, its typed error thrown. */
export async function call(
  bus: Bus,
  subject: string,
  request: unknown,
  options: CallOptions,
): Promise<unknown> {
  const endMs = performance.now() + options.deadlineMs;
  const bytes = encode(request);
  for (let attempt = 0; ; attempt++) {
    const leftMs = endMs - performance.now();
    try {
      if (leftMs <= 0)
        throw new StarlingError(
          'TIMEOUT',
          `${subject}: no answer within ${options.deadlineMs} ms.`,
        );
      const timeoutMs = Math.max(1, Math.min(leftMs, options.attemptMs ?? leftMs));
      return refuseErrorReply(decode(await bus.request(subject, bytes, { timeoutMs })));
    } catch (error) {
      const waitMs = Math.min(500, 20 * 2 ** attempt);
      const hopeless = options.retry === 'none' || !errorCodes[codeOf(error)].retryable;
      // The caller must ask somebody else, or for something else.
      const elsewhere =
        codeOf(error) === 'FENCED' ||
        codeOf(error) === 'NOT_OWNER' ||
        (options.hasAlternative === true && codeOf(error) === 'NO_RESPONDERS');
      if (hopeless || elsewhere || performance.now() + waitMs >= endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
