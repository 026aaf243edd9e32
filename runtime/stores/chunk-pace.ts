import { sleep, turn, type Clock } from '../../core/base/clock.js';

/**
 * Lets somebody else have a turn between two chunks, and longer where chunks come faster than they may: the disk and
 * the servers are shared with those who wait for an answer.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  #dueAtMs: number;

  constructor(clock: Clock, bytesPerSecondMax: number) {
    this.#clock = clock;
    this.#dueAtMs = clock.nowMs();
    this.#bytesPerMs = bytesPerSecondMax / 1000;
  }

  /** To be awaited after each chunk. */
  async after(bytes: number): Promise<void> {
    const nowMs = this.#clock.nowMs();
    // What was not used is not saved up: a burst would be what this is against.
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs) + bytes / this.#bytesPerMs;
    const waitMs = this.#dueAtMs - nowMs;
    // Timers are whole milliseconds; less than that adds up until it is one.
    await (waitMs >= 1 ? sleep(this.#clock, waitMs) : turn(this.#clock));
  }
}
