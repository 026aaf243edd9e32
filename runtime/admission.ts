import { assert } from '../core/base/assert.js';

/**
 * Whether who asks now can still be answered in time. A queue that is bounded by a count is too long where answers take long, and too short
 * where they are quick; and once it is as long as people wait, all that is done is done for nobody, at any rate of requests
 * beyond that: an endpoint that could answer half of them answers none. So what is bounded is the time (as in CoDel, K. Nichols and
 * V. Jacobson, 2012): as many as are here already, times how long it has taken of late until the next one was done, is how
 * long a new one takes (Little's law), and who has not that much time is refused at once, when it costs next to nothing.
 *
 *   next one done │ since the one before, or since it came itself, where that is later: so a pause between requests is no work
 *
 * What is waited for elsewhere is measured along with it. Where somebody else says that he has too much to do, that is no time, and there would be
 * ever more of it: then fewer are let in (additive increase, multiplicative decrease; D.-M. Chiu and R. Jain, 1989).
 */
export interface AdmissionOptions {
  /** At once, whatever they take. Too high: memory. */
  readonly inFlightMax: number;
}

/** Of the time that somebody waits. Too low: requests are refused that could be answered. Too high: what takes longer than expected is too late, and was done for nobody. */
const patienceShare = 1 / 2;
/** Until the first one is done nobody knows how long that takes. Too few: a burst at the start is refused. Too many: of what loads code for the first time, all are late. */
const unknownMax = 16;
/** So many are let in whatever they took before: who refuses everybody never hears that it has become better. */
const inFlightMin = 2;
/**
 * Time at work that is remembered. Those who share a processor are done together: of one such batch the first has taken all of the
 * time and the others none. Too short: what is known is that of a part of a batch. Too long: what has become slow is noticed late.
 */
const rememberedMs = 1_000;
/** What is left of the limit where somebody else has too much to do, and how soon again. */
const keptShare = 0.7;
const backOffMs = 100;
/** Below that nothing is learned of who has too much to do. */
const limitMin = 4;
const retryAfterMsMin = 20;
const retryAfterMsMax = 2_000;

export class Admission {
  readonly #inFlightMax: number;
  #inFlight = 0;
  /** At work of late, milliseconds, and how many were done in that time. */
  #workMs = 0;
  #done = 0;
  #leftAtMs = -Infinity;
  #limit: number;
  #backedOffAtMs = -Infinity;

  constructor({ inFlightMax }: AdmissionOptions) {
    this.#inFlightMax = inFlightMax;
    this.#limit = inFlightMax;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** What one that comes now takes, milliseconds. */
  get expectedMs(): number {
    return (this.#inFlight + 1) * this.#stepMs;
  }

  /** Until the next is done, milliseconds. */
  get #stepMs(): number {
    return this.#done > 0 ? this.#workMs / this.#done : 0;
  }

  /**
   * @param patienceMs how long who asks waits.
   * @returns undefined: it is let in, and must `leave`. Else after how many milliseconds it may be worth asking again.
   */
  refusal(patienceMs: number): number | undefined {
    const lateMs = this.#lateMs(patienceShare * patienceMs);
    if (lateMs === undefined) {
      this.#inFlight++;
      return undefined;
    }
    return Math.ceil(Math.min(retryAfterMsMax, Math.max(retryAfterMsMin, lateMs)));
  }

  /** So many more would be let in now, who all wait so long. */
  room(patienceMs: number): number {
    const allowed =
      this.#done > 0 || patienceMs === Infinity
        ? this.#allowed(patienceShare * patienceMs)
        : unknownMax;
    return Math.min(this.#inFlightMax, allowed) - this.#inFlight;
  }

  /** At once, where it is known how long they take. */
  #allowed(budgetMs: number): number {
    const inTime = Math.floor(budgetMs / this.#stepMs);
    return Math.min(Math.ceil(this.#limit), Math.max(inFlightMin, inTime));
  }

  /** @param isWork false for what was refused by its form: that says nothing of how long others take. */
  leave(arrivedAtMs: number, nowMs: number, isWork: boolean): void {
    assert(this.#inFlight > 0, 'who leaves was let in');
    this.#inFlight--;
    if (!isWork) return;
    const tookMs = nowMs - Math.max(arrivedAtMs, this.#leftAtMs);
    this.#leftAtMs = nowMs;
    const kept = Math.exp(-tookMs / rememberedMs);
    this.#workMs = kept * this.#workMs + tookMs;
    this.#done = kept * this.#done + 1;
    this.#limit = Math.min(this.#inFlightMax, this.#limit + 1 / this.#limit);
  }

  /** Somebody whom it takes to answer has too much to do. */
  backOff(nowMs: number): void {
    // Those that are on their way tell of the same.
    if (nowMs - this.#backedOffAtMs < backOffMs) return;
    this.#backedOffAtMs = nowMs;
    this.#limit = Math.max(limitMin, keptShare * Math.min(this.#limit, this.#inFlight));
  }

  /** Undefined: it is in time. */
  #lateMs(budgetMs: number): number | undefined {
    if (this.#inFlight >= this.#inFlightMax) return this.#stepMs;
    if (this.#inFlight < inFlightMin) return undefined;
    if (this.#done === 0 && budgetMs < Infinity)
      return this.#inFlight < unknownMax ? undefined : backOffMs;
    if (this.#inFlight >= this.#limit) return backOffMs;
    const lateMs = this.expectedMs - budgetMs;
    return lateMs > 0 ? lateMs : undefined;
  }
}
