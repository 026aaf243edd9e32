import type { Clock } from '../core/base/clock.js';
import { codeOf, type ErrorCode } from '../core/base/errors.js';

/** Outcomes that count. Fewer: a moment of bad luck closes a way. More: it takes longer until a dead end is avoided. */
const outcomesMax = 16;
const outcomesMin = 8;
/** Share of requests without an answer from which on a way counts as a dead end. */
const unansweredShare = 0.5;
const probeMs = 250;

const unanswered: ReadonlySet<ErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'NO_RESPONDERS']);

/**
 * A way on which half of the requests are not answered is tried once in a while only, until one is (M. T. Nygard, Release
 * It!, 2007). To ask on would cost every caller its time, and fill a narrow link with answers that come too late.
 */
export class CircuitBreaker {
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** The newest last; true: there was no answer. */
  readonly #outcomes: boolean[] = [];
  #probeAtMs = 0;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** Whether a request may go this way now. */
  allows(): boolean {
    if (!this.#isOpen()) return true;
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#probeAtMs) return false;
    this.#probeAtMs = nowMs + probeMs;
    return true;
  }

  /** Any answer is one, also that the request is refused. */
  async watch<T>(attempt: Promise<T>): Promise<T> {
    try {
      const answer = await attempt;
      this.#note(false);
      return answer;
    } catch (error) {
      this.#note(unanswered.has(codeOf(error)));
      throw error;
    }
  }

  #note(failed: boolean): void {
    // An answer to a probe: the way is free again, whatever was before.
    if (!failed && this.#isOpen()) this.#outcomes.length = 0;
    this.#outcomes.push(failed);
    if (this.#outcomes.length > outcomesMax) this.#outcomes.shift();
  }

  #isOpen(): boolean {
    if (this.#outcomes.length < outcomesMin) return false;
    const failures = this.#outcomes.reduce((sum, failed) => sum + Number(failed), 0);
    return failures / this.#outcomes.length >= unansweredShare;
  }
}
