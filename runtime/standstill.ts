import { every, type Cancel, type Clock } from '../core/base/clock.js';
import { atMost } from './time-limit.js';

/** Too low: each long computation is one. Too high: a short stop goes unnoticed. */
const lookMs = 500;
/** Behind its time by so much, a look says that nothing else ran either. */
const stoodMsMin = 250;
/** A server that does not answer for longer has lost the connection, and what was on it. */
const catchUpMsMax = 5_000;

/**
 * Notices that this process stood still: it was stopped, or its machine was, or it computed for so long. What came meanwhile
 * is handed over now as if it were new, and a request says how long its sender waits, not since when (clocks of machines
 * differ). So until what may have waited has been handed over it is known how long it may have.
 */
export class Standstill {
  readonly #clock: Clock;
  readonly #catchUp: () => Promise<void>;
  readonly #cancel: Cancel;
  #lookedAtMs: number;
  #waitedMs = 0;
  #stops = 0;

  /** @param catchUp resolves when all that had come by now has been handed over. */
  constructor(clock: Clock, catchUp: () => Promise<void>) {
    this.#clock = clock;
    this.#catchUp = catchUp;
    this.#lookedAtMs = clock.nowMs();
    this.#cancel = every(clock, lookMs, () => this.#look());
  }

  /** What is handed over now may have waited so long, milliseconds; 0: it has not waited. */
  get waitedMs(): number {
    // It may come before the timer has its turn.
    this.#look();
    return this.#waitedMs;
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    const stoodMs = nowMs - this.#lookedAtMs - lookMs;
    this.#lookedAtMs = nowMs;
    if (stoodMs < stoodMsMin) return;
    this.#waitedMs = Math.max(this.#waitedMs, stoodMs + lookMs);
    const stop = ++this.#stops;
    const caughtUp = (): void => {
      if (this.#stops === stop) this.#waitedMs = 0;
    };
    void atMost(
      this.#clock,
      catchUpMsMax,
      this.#catchUp().catch(() => undefined),
    ).then(caughtUp);
  }
}
