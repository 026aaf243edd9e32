import { sleep } from '../core/base/clock.js';
import { StarlingError, codeOf } from '../core/base/errors.js';
import { decode, encode, refuseErrorReply } from '../messages/codec.js';
import type { Bus } from './bus/bus.js';
import type { Outcome } from './call-outcome.js';
import { outcomeOf } from './call-outcome.js';
import type { RetryPolicy } from './retry.js';
import { isRetryable, pauseMsAfter } from './retry.js';
import { inTime } from './time-limit.js';

/** What a call needs of a bus. */
export type CallingBus = Pick<Bus, 'request' | 'clock' | 'random'>;

/** Low: the deadlines of requests are short, and somebody else may be there at once. */
const callPolicy: RetryPolicy = { baseMs: 20, capMs: 500 };

export interface CallOptions {
  /** All attempts together end by then. */
  readonly deadlineMs: number;
  /** After so long without an answer it is asked again, perhaps another replica; the first answer of any counts. */
  readonly attemptMs?: number;
  /** Codes worth another attempt beside those that are retryable by themselves; `none` for a single attempt. */
  readonly retry?: 'retryable' | 'none';
  /** `final`: where it is refused as `OVERLOADED` the caller does without; to ask again would be more to do. */
  readonly refused?: 'final';
  /** Where nobody is there to ask, the caller asks elsewhere: that is not waited out. */
  readonly hasAlternative?: boolean;
  /** Others were asked the same before. */
  readonly repeated?: boolean;
}

/**
 * An idempotent request in CBOR: retried within its deadline, its typed error thrown. What was asked before still counts
 * while it is asked again: whoever is slow would else be asked for ever, and never in time.
 */
export async function call(
  bus: CallingBus,
  subject: string,
  request: unknown,
  options: CallOptions,
): Promise<unknown> {
  const { clock, random } = bus;
  const endMs = clock.nowMs() + options.deadlineMs;
  const bytes = encode(request);
  const asked = new Set<Promise<Outcome>>();
  let { repeated = false } = options;
  const ask = (leftMs: number): void => {
    const timeoutMs = Math.max(1, leftMs);
    const answer = bus.request(subject, bytes, repeated ? { timeoutMs, repeated } : { timeoutMs });
    repeated = true;
    const outcome = outcomeOf(answer.then((reply) => refuseErrorReply(decode(reply))));
    asked.add(outcome);
    void outcome.then(({ answered }) => answered || asked.delete(outcome));
  };
  /** The first to be known within a time; undefined if none is. */
  const next = async (ms: number): Promise<Outcome | undefined> => {
    if (asked.size > 0) return inTime(clock, ms, Promise.race(asked));
    await sleep(clock, ms);
    return undefined;
  };
  const attemptMs = options.retry === 'none' ? Infinity : (options.attemptMs ?? Infinity);
  let last: { readonly error: unknown } | undefined;
  for (let failures = 0; ;) {
    const leftMs = endMs - clock.nowMs();
    // A pause may end late: what was said before it tells more than that nobody was asked since.
    if (leftMs < 1) throw last ? last.error : noAnswer(subject, options);
    ask(leftMs);
    // The last one ends by itself.
    let outcome = await (attemptMs < leftMs ? next(attemptMs) : Promise.race(asked));
    while (outcome && !outcome.answered) {
      const pauseMs = pauseMsAfter(++failures, callPolicy, random.next());
      const waitMs = Math.max(pauseMs, retryAfterMsOf(outcome.error));
      const restMs = endMs - clock.nowMs();
      const isOver = waitMs >= restMs && asked.size === 0;
      last = outcome;
      if (isOver || isFinal(outcome.error, options)) throw outcome.error;
      outcome = await next(Math.min(waitMs, restMs));
    }
    if (outcome) return outcome.answer;
  }
}

/** Who has too much to do says after how long it is worth asking again. */
function retryAfterMsOf(error: unknown): number {
  const { retryAfterMs } = (error as { details?: Record<string, unknown> } | null)?.details ?? {};
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : 0;
}

const noAnswer = (subject: string, { deadlineMs }: CallOptions): StarlingError =>
  new StarlingError('TIMEOUT', `${subject}: no answer within ${deadlineMs} ms.`);

function isFinal(error: unknown, options: CallOptions): boolean {
  const code = codeOf(error);
  // The caller must ask somebody else, or for something else.
  const elsewhere =
    code === 'FENCED' ||
    code === 'NOT_OWNER' ||
    (options.hasAlternative === true && code === 'NO_RESPONDERS') ||
    (options.refused === 'final' && code === 'OVERLOADED');
  return options.retry === 'none' || !isRetryable(error) || elsewhere;
}
