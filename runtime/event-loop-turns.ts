/** Milliseconds of work in one piece. Too low: time goes into turns. Too high: leases and requests wait. */
const pieceMs = 8;

/**
 * Gives timers and sockets their turn in a loop that waits for nothing but what is there already: awaiting that does not
 * leave the microtasks, so without it a long replay would stop everything else in its process.
 */
export class Turns {
  #sinceMs = performance.now();

  async give(): Promise<void> {
    if (performance.now() - this.#sinceMs < pieceMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
