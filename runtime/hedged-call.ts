import type { Clock } from '../core/base/clock.js';
import { StarlingError, codeOf } from '../core/base/errors.js';
import type { CallOptions, CallingBus } from './idempotent-call.js';
import { call } from './idempotent-call.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { outcomeOf } from './call-outcome.js';
import { isRetryable } from './retry.js';
import { inTime } from './time-limit.js';

/**
 * How many requests may be asked twice: a share of all, and some more at once. Without a bound, a busy cluster would be
 * asked everything twice just when it can't answer once.
 */
export class HedgeBudget {
  readonly #share: number;
  readonly #burst: number;
  #left: number;
  #hedged = 0;

  constructor(share = 0.1, burst = 30) {
    this.#share = share;
    this.#burst = burst;
    this.#left = burst;
  }

  /** Requests that were asked elsewhere too. */
  get hedged(): number {
    return this.#hedged;
  }

  /** For every request that is made. */
  earn(): void {
    this.#left = Math.min(this.#burst, this.#left + this.#share);
  }

  /** Whether one may be asked a second time. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    this.#hedged++;
    return true;
  }
}

export interface HedgedOptions extends CallOptions {
  /** After so long without an answer the request goes elsewhere too. */
  readonly hedgeMs: number;
  readonly budget: HedgeBudget;
  /** Of the ways by their subjects; absent: each is always tried. */
  readonly breakers?: Breakers;
}

export class Breakers {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #bySubject = new Map<string, CircuitBreaker>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  of(subject: string): CircuitBreaker {
    const known = this.#bySubject.get(subject);
    if (known) return known;
    const fresh = new CircuitBreaker(this.#clock);
    this.#bySubject.set(subject, fresh);
    return fresh;
  }
}

/**
 * An idempotent request to a queue group, and, when no answer comes in time, to another one as well; the first answer
 * counts (J. Dean and L. A. Barroso, The Tail at Scale, 2013). A replica that hangs is still a member of its group, and
 * a second try in the same group may meet it again. A way that is a dead end of late is left out.
 *
 * Of one that is only late there are two copies at most: elsewhere, or, where it may not go there, here again after
 * `attemptMs`. When all are late because the machine is busy, each further copy would make it busier.
 *
 * @param elsewhere undefined where there is none.
 * @throws StarlingError of the first request when none is answered within the deadline, UNAVAILABLE when none is sent.
 */
export async function hedgedCall(
  bus: CallingBus,
  subject: string,
  elsewhere: string | undefined,
  request: unknown,
  options: HedgedOptions,
): Promise<unknown> {
  const { hedgeMs, attemptMs = Infinity, retry, budget, breakers, deadlineMs } = options;
  const { clock } = bus;
  const endMs = clock.nowMs() + deadlineMs;
  const once = { attemptMs: Infinity };
  const again = { ...once, repeated: true };
  const mayAsk = (target: string): boolean => breakers?.of(target).allows() ?? true;
  const ask = (target: string, how: Partial<CallOptions> = {}): Promise<unknown> => {
    const leftMs = Math.max(1, endMs - clock.nowMs());
    const attempt = call(bus, target, request, { ...options, ...how, deadlineMs: leftMs });
    return breakers?.of(target).watch(attempt) ?? attempt;
  };
  budget.earn();
  if (!mayAsk(subject)) {
    // Nobody is asked twice, so it is nothing to the budget.
    if (elsewhere !== undefined && mayAsk(elsewhere)) return ask(elsewhere);
    throw new StarlingError('UNAVAILABLE', `${subject}: hardly anybody has answered lately.`);
  }
  if (elsewhere === undefined) return ask(subject);
  const first = ask(subject, { ...once, hasAlternative: true });
  const early = await inTime(clock, hedgeMs, outcomeOf(first));
  if (early?.answered) return first;
  // What is wrong with the request itself is wrong everywhere.
  if (early && !isRetryable(early.error)) return first;
  // Where nobody was there to ask, nobody is asked twice, and somebody may come.
  const isEmpty = early !== undefined && codeOf(early.error) === 'NO_RESPONDERS';
  const here = isEmpty ? ask(subject, once) : first;
  const askAgain = async (): Promise<unknown> => {
    const pauseMs = retry === 'none' ? Infinity : attemptMs - hedgeMs;
    if (pauseMs > endMs - clock.nowMs()) return here;
    return (await inTime(clock, pauseMs, outcomeOf(here))) ? here : ask(subject, again);
  };
  const mayGo = (isEmpty || budget.take()) && mayAsk(elsewhere);
  try {
    return await Promise.any([here, mayGo ? ask(elsewhere, again) : askAgain()]);
  } catch {
    return await here;
  }
}
