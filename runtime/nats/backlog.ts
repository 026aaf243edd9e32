import type { ConsumerInfo, DeliveryInfo } from 'nats';

/**
 * How much is left of what was in a log when somebody began to follow it. Each message says how many the server has behind
 * it, and that is all that comes of them: what goes before its turn, by its age or by a purge, is not counted any more.
 * Where the very last of it goes no message is left to say so, and the server is asked.
 *
 * What was written since counts as well for as long as the first message has not come; from then on less is left with
 * each message, however fast others write.
 */
export class Backlog {
  /** Resolves when nothing is left. */
  readonly over: Promise<void>;
  #left = Number.POSITIVE_INFINITY;
  #announce!: () => void;
  /** Of the newest message that was handled. */
  #consumer: string | undefined;
  #number = 0;

  constructor() {
    this.over = new Promise((resolve) => (this.#announce = resolve));
  }

  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** A message was handled, and those before it. */
  handled({ consumer, deliverySequence, pending }: DeliveryInfo): void {
    if (this.isOver) return;
    this.#consumer = consumer;
    this.#number = deliverySequence;
    this.#leave(Math.min(this.#left - 1, pending));
  }

  /**
   * The server was asked.
   * @param waiting messages that have come and are not handled. They may be of a consumer before this one, of which the
   *   server knows nothing any more.
   */
  told({ name, delivered, num_pending: pending }: ConsumerInfo, waiting: number): void {
    if (pending > 0 || waiting > 0) return;
    const isHandled = name === this.#consumer && this.#number >= delivered.consumer_seq;
    // What it has sent and we have not got is on its way.
    if (delivered.consumer_seq === 0 || isHandled) this.#leave(0);
  }

  #leave(count: number): void {
    this.#left = count;
    if (count <= 0) this.#announce();
  }
}
