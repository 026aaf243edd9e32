import type { WorkMessage } from '../../runtime/bus/work-queues.js';

/**
 * Messages that are worked on, so many at a time and in the order of their arrival; others wait. Who begins all that has come in one
 * go does nothing else for seconds, and what it has in hand is given to somebody else meanwhile.
 */
export class InHand {
  readonly #max: number;
  readonly #handle: (message: WorkMessage) => Promise<void>;
  readonly #running = new Set<Promise<void>>();
  #waiting: WorkMessage[] = [];

  /** @param handle does not reject. */
  constructor(max: number, handle: (message: WorkMessage) => Promise<void>) {
    this.#max = max;
    this.#handle = handle;
  }

  get size(): number {
    return this.#running.size + this.#waiting.length;
  }

  take(message: WorkMessage): void {
    this.#waiting.push(message);
    this.#begin();
  }

  /** Gives back what nobody has begun, and waits for the rest. */
  async close(): Promise<void> {
    const left = this.#waiting;
    this.#waiting = [];
    for (const message of left) message.nak();
    await Promise.all(this.#running);
  }

  #begin(): void {
    while (this.#running.size < this.#max) {
      const message = this.#waiting.shift();
      if (!message) return;
      const handling = this.#handle(message).finally(() => {
        this.#running.delete(handling);
        this.#begin();
      });
      this.#running.add(handling);
    }
  }
}
