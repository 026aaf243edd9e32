/** Of the p99 beyond which a data center counts as slow. Too high: requests wait for an import. Too low: it waits for ordinary load. */
const budgetShare = 0.1;
/** Events in a second. Too low: it takes for ever where answers are late for another reason. Too high: requests get nothing back. */
const capMin = 300;
const retreat = 0.6;
const growth = 1.3;
/** So many times what is learned, it holds nothing back. */
const idleShare = 3;

/**
 * How many events a second may come in beside what people ask: fewer while their answers are late, more again while they are in time. A queue
 * of what is to be learned says nothing of that: where processors are short, learners and those who answer share them, and those who
 * answer collapse long before anything queues.
 */
export class AnswerPace {
  readonly #p99MsMax: number;
  #cap = Infinity;
  #nextMs = -Infinity;

  /** @param p99BudgetMs of `serving`. */
  constructor(p99BudgetMs: number) {
    this.#p99MsMax = budgetShare * p99BudgetMs;
  }

  /** Events a second. */
  get cap(): number {
    return this.#cap;
  }

  /**
   * @param p99Ms of the answers of the last seconds; null: nobody asked.
   * @param rate events learned in a second.
   */
  heard(p99Ms: number | null, rate: number): void {
    if (p99Ms !== null && p99Ms > this.#p99MsMax)
      this.#cap = Math.max(capMin, retreat * Math.min(this.#cap, Math.max(rate, capMin)));
    else {
      this.#cap *= growth;
      if (this.#cap > idleShare * Math.max(rate, capMin)) this.#cap = Infinity;
    }
  }

  sent(events: number, nowMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, nowMs) + (1_000 * events) / this.#cap;
  }

  /** Whether more may be sent. */
  hasRoom(nowMs: number): boolean {
    return nowMs >= this.#nextMs;
  }
}
