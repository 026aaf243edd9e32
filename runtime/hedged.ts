import { codeOf, errorCodes } from '../core/base/errors.js';
import type { Bus } from './bus.js';
import type { CallOptions } from './call.js';
import { call } from './call.js';

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
}

/**
 * An idempotent request to a queue group, and, when no answer comes in time, to another one as well; the first answer
 * counts (J. Dean and L. A. Barroso, The Tail at Scale, 2013). A replica that hangs is still a member of its group, and
 * a second try in the same group may meet it again.
 *
 * @param elsewhere undefined where there is none.
 * @throws StarlingError of the first request when none is answered.
 */
export async function hedgedCall(
  bus: Bus,
  subject: string,
  elsewhere: string | undefined,
  request: unknown,
  options: HedgedOptions,
): Promise<unknown> {
  const { hedgeMs, budget } = options;
  budget.earn();
  const first = call(bus, subject, request, options);
  if (elsewhere === undefined) return first;
  const early = await outcomeWithin(hedgeMs, first);
  if (early?.answered) return first;
  // What is wrong with the request itself is wrong everywhere.
  if (early && !errorCodes[codeOf(early.error)].retryable) return first;
  if (!budget.take()) return first;
  const second = call(bus, elsewhere, request, options);
  try {
    return await Promise.any([first, second]);
  } catch {
    return await first;
  }
}

interface Outcome {
  readonly answered: boolean;
  readonly error?: unknown;
}

/** Undefined when there is none in time; the timer does not outlive the answer: one for each request would pile up. */
async function outcomeWithin(ms: number, attempt: Promise<unknown>): Promise<Outcome | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    const settle = (outcome: Outcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    attempt.then(
      () => settle({ answered: true }),
      (error: unknown) => settle({ answered: false, error }),
    );
  });
}
