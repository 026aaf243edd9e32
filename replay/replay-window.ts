import { assert } from '../core/base/assert.js';

/**
 * Keeps a replay from running ahead of what serving has learned, as in real life, where events are rarer than the
 * pipeline is fast. At most lagMax of the events sent have not been learned everywhere; so event i is scored by a model
 * that knows at least i + 1 − lagMax events.
 *
 * The complication are negatives without an action (`implicitMs`): they can't be learned before their window ends, which
 * only later events bring about. Waiting for them would be waiting for ever, so such an event counts as outstanding from
 * the moment that an admitted event ends its window.
 */
export interface LagWindowOptions {
  /** Infinity: no limit. 0 or 1: each event is learned before the next is scored. */
  readonly lagMax: number;
  /** Event time after which an impression without an action is settled, milliseconds; left out when all have one. */
  readonly implicitMs?: number | undefined;
}

export class LagWindow {
  readonly #outstandingMax: number;
  readonly #implicitMs: number | undefined;
  /** Event times of implicit negatives whose window is open, ascending; those before `#firstWaiting` are done with. */
  #waiting: number[] = [];
  #firstWaiting = 0;
  #admitted = 0;
  #learnable = 0;
  #learned = 0;

  constructor({ lagMax, implicitMs }: LagWindowOptions) {
    assert(lagMax >= 0, `the lag ${lagMax} is not negative`);
    this.#outstandingMax = Math.max(1, lagMax);
    this.#implicitMs = implicitMs;
  }

  /** How many more events may be scored now. */
  get room(): number {
    return Math.max(0, this.#outstandingMax - this.lag);
  }

  /** Events that serving could know and does not. */
  get lag(): number {
    return Math.max(0, this.#learnable - this.#learned);
  }

  get admitted(): number {
    return this.#admitted;
  }

  /** The next event, in time order, is about to be scored. `acted`: an action will follow. */
  admit(atMs: number, acted: boolean): void {
    assert(this.room > 0, 'an event is admitted only where there is room');
    this.#admitted++;
    if (acted || this.#implicitMs === undefined) this.#learnable++;
    else this.#waiting.push(atMs);
    this.#endWindows(atMs);
  }

  /** Serving has learned `total` events since the start of the replay; less than before is old news. */
  learn(total: number): void {
    this.#learned = Math.max(this.#learned, total);
  }

  /**
   * The pipeline stands still with nothing in it: all that can be known is known, whatever the counts say. Without this,
   * one event that became a dead letter would take its place in the window for ever.
   */
  catchUp(): void {
    this.#learned = Math.max(this.#learned, this.#learnable);
  }

  #endWindows(nowMs: number): void {
    const { length } = this.#waiting;
    while (
      this.#firstWaiting < length &&
      this.#waiting[this.#firstWaiting]! + this.#implicitMs! <= nowMs
    ) {
      this.#firstWaiting++;
      this.#learnable++;
    }
    if (this.#firstWaiting < 4096 || this.#firstWaiting * 2 < length) return;
    this.#waiting = this.#waiting.slice(this.#firstWaiting);
    this.#firstWaiting = 0;
  }
}
