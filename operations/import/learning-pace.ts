/**
 * What is on its way to be learned takes so long without a queue; more than this beyond it, and something live would wait behind what is
 * imported. Too low: trainers have nothing to do at times. Too high: what people do now is learned so much later.
 */
const queuedMsMax = 200;
/**
 * Where nothing live is on its way, and nobody asks, all may take so long. Too low: learners make many small steps, each of which costs its
 * messages. Too high: who comes then waits behind all of it.
 */
const aloneMsMax = 1_000;
/** Since somebody was there. Too low: whoever comes every few seconds finds all of it before him. Too high: it goes slower for nobody. */
const aloneAfterMs = 5_000;
/** Events on their way, whatever comes of it. Too few: each step of the way waits for the next. Too many: a queue before anybody notices. */
const aheadMin = 256;
const aheadMax = 16_384;
/**
 * Sent at once, however many may be ahead. Too few: each costs its messages. Too many: joiner, trainer, stores and rankers are all busy with
 * it in the same moment, and a request waits behind each of them on its way.
 */
const batchMax = 256;
const aloneBatchMax = 512;
/** Once in the time of a way, as what was sent before a change says nothing of it. */
const growth = 1.25;
/** Far from what it may take. */
const start = 2;
const retreat = 0.85;
/** The shortest way is that of one of the last two spans: machines get busier, and less so. */
const spanMs = 30_000;
const rateSpanMs = 500;
/** Of the newest span, in the rate. */
const freshness = 0.3;

/**
 * How many events may be ahead of what was learned. Alone, as many as are learned within a second. Beside others, as TCP Vegas does (Brakmo, Peterson, 1995): more as long as they take no longer than
 * the shortest way, less once they queue. A share of the rate would be no measure: on a busy machine the way is long, little is learned, less is
 * sent, and so on.
 */
export class LearningPace {
  #ahead = 0;
  #max = aheadMin;
  #isAlone = true;
  /** Somebody was there last. */
  #besideMs = -Infinity;
  #shortest = { before: Infinity, now: Infinity, sinceMs: 0 };
  #changedMs = -Infinity;
  /** As much as may be was ahead since it changed last: only then do ways say that there may be more (RFC 7661). */
  #wasUsed = false;
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
    return Math.min(this.#isAlone ? aloneBatchMax : batchMax, Math.ceil(this.#max / 4));
  }

  /** @param isBeside whether anything live has come, or somebody asks. */
  heard(isBeside: boolean, nowMs: number): void {
    if (isBeside) this.#besideMs = nowMs;
    const isAlone = nowMs - this.#besideMs > aloneAfterMs;
    if (isAlone === this.#isAlone) return;
    this.#isAlone = isAlone;
    if (isAlone) return;
    // Ways were as long as they might be: how short they can be is to be seen anew, with what is learned in the time of a short one.
    this.#max = Math.max(aheadMin, Math.min(this.#max, (this.#rate * queuedMsMax) / 1_000));
    this.#shortest = { before: Infinity, now: Infinity, sinceMs: nowMs };
    this.#changedMs = nowMs;
  }

  sent(events: number): void {
    this.#ahead += events;
    if (2 * this.#ahead >= this.#max) this.#wasUsed = true;
  }

  /** @param tookMs since they were sent. */
  learned(events: number, tookMs: number, nowMs: number): void {
    this.#ahead -= events;
    if (events === 0) return;
    this.#note(tookMs, nowMs);
    if (nowMs - tookMs < this.#changedMs) return this.#count(events, nowMs);
    this.#changedMs = nowMs;
    const factor = this.#factorOf(tookMs);
    if (factor < 1 || this.#wasUsed)
      this.#max = Math.min(aheadMax, Math.max(aheadMin, this.#max * factor));
    this.#wasUsed = false;
    this.#count(events, nowMs);
  }

  #factorOf(tookMs: number): number {
    if (this.#isAlone) {
      if (tookMs > aloneMsMax) return retreat;
      return tookMs < aloneMsMax / 2 ? start : growth;
    }
    const shortest = Math.min(this.#shortest.before, this.#shortest.now);
    return tookMs - shortest > queuedMsMax ? retreat : growth;
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
