/** Of the p99 of a data center beyond which an import goes slower. Too high: requests wait for it. Too low: it waits for ordinary load. */
const budgetShare = 0.1;
/** Below this much of it, it goes faster again. Too low: it never does. Too high: it comes to where answers are late, again and again. */
const calmShare = 0.5;
/** Events in a second. Too low: it takes for ever where answers are late for another reason. Too high: requests get nothing back. */
const capMin = 300;
/** With the first request: what is beside it is not known yet. */
const capFirst = 600;
const retreat = 0.5;
/** In a second. Too high: answers are late before anybody hears of it. Too low: it takes minutes to what a machine can do. */
const growth = 1.05;
/** A late answer is in the p99 for so long, or twice as long: what was done about it is not to be seen before. */
const rememberedMs = 4_000;
/** So many times what is learned, it holds nothing back. */
const idleShare = 2;

/**
 * How many events a second may come in beside what people ask: half as many when their answers are late, a little more each second while
 * they are in time, as TCP shares a line (Chiu, Jain, 1989); and as many as can be learned while nobody asks. A queue of what is to be learned says nothing
 * of that: where processors are short, learners and those who answer share them, and those who answer collapse long before anything queues.
 */
export class AnswerPace {
  readonly #p99MsMax: number;
  #cap = Infinity;
  #nextMs = -Infinity;
  #retreatedMs = -Infinity;
  #heardMs = -Infinity;

  /** @param p99BudgetMs of `serving`. */
  constructor(p99BudgetMs: number) {
    this.#p99MsMax = budgetShare * p99BudgetMs;
  }

  /** Events a second. */
  get cap(): number {
    return this.#cap;
  }

  /**
   * To be told now and then, a few times in a second at best.
   *
   * @param p99Ms of the answers of the last seconds; null: nobody asked.
   * @param rate events learned in a second.
   */
  heard(p99Ms: number | null, rate: number, nowMs: number): void {
    const seconds = Math.min(1, (nowMs - this.#heardMs) / 1_000);
    this.#heardMs = nowMs;
    if (p99Ms === null) {
      this.#cap = Infinity;
      this.#nextMs = -Infinity;
      return;
    }
    if (this.#cap === Infinity) {
      this.#cap = capFirst;
      // What was sent before is still on its way, and may have made them late.
      this.#retreatedMs = nowMs + 1.5 * rememberedMs;
    } else if (p99Ms > this.#p99MsMax) this.#retreat(nowMs);
    else if (p99Ms < calmShare * this.#p99MsMax) {
      const capMax = Math.max(capFirst, idleShare * rate);
      this.#cap = Math.min(Math.max(this.#cap, capMax), this.#cap * growth ** seconds);
    }
  }

  sent(events: number, nowMs: number): void {
    if (this.#cap !== Infinity)
      this.#nextMs = Math.max(this.#nextMs, nowMs) + (1_000 * events) / this.#cap;
  }

  /** Until more may be sent; not more than 0: it may. */
  waitMs(nowMs: number): number {
    return this.#nextMs - nowMs;
  }

  #retreat(nowMs: number): void {
    if (nowMs - this.#retreatedMs < rememberedMs) return;
    this.#cap = Math.max(capMin, retreat * this.#cap);
    this.#retreatedMs = nowMs;
  }
}
