import { turn, type Clock } from '../core/base/clock.js';

/** Milliseconds of work in one piece. Too low: time goes into turns. Too high: leases and requests wait. */
const pieceMs = 8;

/**
 * Gives timers and sockets their turn in a loop that waits for nothing but what is there already: awaiting that does not
 * leave the microtasks, so without it a long replay would stop everything else in its process.
 */
export class Turns {
  readonly #clock: Clock;
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.nowMs();
  }

  async give(): Promise<void> {
    if (this.#clock.nowMs() - this.#sinceMs < pieceMs) return;
    await turn(this.#clock);
    this.#sinceMs = this.#clock.nowMs();
  }
}
