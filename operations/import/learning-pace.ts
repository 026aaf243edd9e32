/**
 * What is on its way to be learned takes so long without a queue; more than this beyond it, and something live would wait behind what is
 * imported. Too low: trainers have nothing to do at times. Too high: what people do now is learned so much later.
 */
const queuedMsMax = 200;
/** Events on their way, whatever comes of it. Too few: each step of the way waits for the next. Too many: a queue before anybody notices. */
const aheadMin = 256;
const aheadMax = 8_192;
/**
 * Sent at once, however many may be ahead. Too few: each costs its messages. Too many: joiner, trainer, stores and rankers are all busy with
 * it in the same moment, and a request waits behind each of them on its way.
 */
const batchMax = 256;
/** Once in the time of a way, as what was sent before a change says nothing of it. */
const growth = 1.25;
const retreat = 0.85;
/** The shortest way is that of one of the last two spans: machines get busier, and less so. */
const spanMs = 30_000;
const rateSpanMs = 500;
/** Of the newest span, in the rate. */
const freshness = 0.3;

/**
 * How many events may be ahead of what was learned. As TCP Vegas does (Brakmo, Peterson, 1995): more as long as they take no longer than
 * the shortest way, less once they queue. A share of the rate would be no measure: on a busy machine the way is long, little is learned, less is
 * sent, and so on.
 */
export class LearningPace {
  #ahead = 0;
  #max = aheadMin;
  #shortest = { before: Infinity, now: Infinity, sinceMs: 0 };
  #changedMs = -Infinity;
  #rate = 0;
  #rateSinceMs: number;
  #inSpan = 0;

  constructor(nowMs: number) {
    this.#rateSinceMs = nowMs;
    this.#shortest.sinceMs = nowMs;
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

  /** To be sent at once: a quarter of what may be ahead at most, so that some are on each part of the way. */
  get batch(): number {
    return Math.min(batchMax, Math.ceil(this.#max / 4));
  }

  sent(events: number): void {
    this.#ahead += events;
  }

  /** @param tookMs since they were sent. */
  learned(events: number, tookMs: number, nowMs: number): void {
    this.#ahead -= events;
    if (events === 0) return;
    this.#note(tookMs, nowMs);
    if (nowMs - tookMs < this.#changedMs) return this.#count(events, nowMs);
    this.#changedMs = nowMs;
    const shortest = Math.min(this.#shortest.before, this.#shortest.now);
    const factor = tookMs - shortest > queuedMsMax ? retreat : growth;
    this.#max = Math.min(aheadMax, Math.max(aheadMin, this.#max * factor));
    this.#count(events, nowMs);
  }

  #note(tookMs: number, nowMs: number): void {
    const { now, sinceMs } = this.#shortest;
    if (nowMs - sinceMs > spanMs) this.#shortest = { before: now, now: tookMs, sinceMs: nowMs };
    else this.#shortest.now = Math.min(now, tookMs);
  }

  #count(events: number, nowMs: number): void {
    this.#inSpan += events;
    const elapsedMs = nowMs - this.#rateSinceMs;
    if (elapsedMs < rateSpanMs) return;
    const rate = (1_000 * this.#inSpan) / elapsedMs;
    this.#rate = this.#rate === 0 ? rate : (1 - freshness) * this.#rate + freshness * rate;
    this.#rateSinceMs = nowMs;
    this.#inSpan = 0;
  }
}
