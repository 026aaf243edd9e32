/**
 * Lets somebody else have a turn between two chunks, and longer where chunks come faster than they may: the disk and
 * the servers are shared with those who wait for an answer.
 */
export class Pace {
  readonly #bytesPerMs: number;
  #dueAtMs = performance.now();

  constructor(bytesPerSecondMax: number) {
    this.#bytesPerMs = bytesPerSecondMax / 1000;
  }

  /** To be awaited after each chunk. */
  async after(bytes: number): Promise<void> {
    const nowMs = performance.now();
    // What was not used is not saved up: a burst would be what this is against.
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs) + bytes / this.#bytesPerMs;
    const waitMs = this.#dueAtMs - nowMs;
    // Timers are whole milliseconds; less than that adds up until it is one.
    await new Promise<void>((resolve) => {
      if (waitMs >= 1) setTimeout(resolve, waitMs);
      else setImmediate(resolve);
    });
  }
}
