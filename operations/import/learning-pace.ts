/**
 * So long may something live wait behind what is imported, about. Too low: trainers have nothing to do at times. Too high: what people
 * do now is learned so much later.
 */
const aheadMs = 400;
const aheadMin = 128;
const aheadMax = 4_096;
/** Of the newest second, in the rate. */
const freshness = 0.3;
const spanMs = 500;

/** How many events may be ahead of what was learned: as many as are learned in a moment. */
export class LearningPace {
  #ahead = 0;
  #rate = 0;
  #spanSinceMs: number;
  #inSpan = 0;

  constructor(nowMs: number) {
    this.#spanSinceMs = nowMs;
  }

  /** Sent and not learned. */
  get ahead(): number {
    return this.#ahead;
  }

  /** Learned in a second. */
  get rate(): number {
    return this.#rate;
  }

  get hasRoom(): boolean {
    return this.#ahead < this.#max;
  }

  /** To be sent at once: a quarter of what may be ahead, so that some are on each part of the way. */
  get batch(): number {
    return Math.ceil(this.#max / 4);
  }

  sent(events: number): void {
    this.#ahead += events;
  }

  learned(events: number, nowMs: number): void {
    this.#ahead -= events;
    this.#inSpan += events;
    const elapsedMs = nowMs - this.#spanSinceMs;
    if (elapsedMs < spanMs) return;
    const rate = (1_000 * this.#inSpan) / elapsedMs;
    this.#rate = this.#rate === 0 ? rate : (1 - freshness) * this.#rate + freshness * rate;
    this.#spanSinceMs = nowMs;
    this.#inSpan = 0;
  }

  get #max(): number {
    return Math.min(aheadMax, Math.max(aheadMin, (this.#rate * aheadMs) / 1_000));
  }
}
