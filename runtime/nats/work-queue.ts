import type { Consumer } from 'nats';
import type { WorkMessage, WorkOptions } from '../bus/work-queues.js';
import type { Stoppable } from '../stoppable.js';
import { JsWorkMessage, stopConsuming } from './stream-message.js';

/** How often the server is told of a message that is worked on, within the time it waits. */
const tellsPerWait = 3;
/** Whose work takes so many times as long as the server waits has forgotten the message: it is left to somebody else. */
const waitsMax = 12;

/**
 * Messages that were handed over and are neither acknowledged nor given back. The server is told that they are worked on,
 * so it need not wait long before it gives those of a worker that died to somebody else.
 */
class InHand {
  readonly #sinceMs = new Map<JsWorkMessage, number>();
  readonly #ackWaitMs: number;
  readonly #isClosed: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(ackWaitMs: number, isClosed: () => boolean) {
    this.#ackWaitMs = ackWaitMs;
    this.#isClosed = isClosed;
  }

  add(message: JsWorkMessage): void {
    this.#sinceMs.set(message, performance.now());
    this.#timer ??= setInterval(() => this.#tell(), this.#ackWaitMs / tellsPerWait).unref();
  }

  settle(message: JsWorkMessage): void {
    this.#sinceMs.delete(message);
    if (this.#sinceMs.size === 0) this.#rest();
  }

  #tell(): void {
    if (this.#isClosed()) return this.#rest();
    const nowMs = performance.now();
    for (const [message, sinceMs] of this.#sinceMs) {
      const ageMs = nowMs - sinceMs;
      if (ageMs > waitsMax * this.#ackWaitMs) this.settle(message);
      else if (ageMs > this.#ackWaitMs / tellsPerWait) message.working();
    }
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** @param isClosed whether the connection is closed for good. */
export async function workOn(
  consumer: Consumer,
  options: WorkOptions,
  handler: (message: WorkMessage) => void,
  isClosed: () => boolean,
): Promise<Stoppable> {
  const inHand = new InHand(options.ackWaitMs, isClosed);
  const messages = await consumer.consume({
    max_messages: options.pendingMax,
    expires: 5_000,
    callback: (received) => {
      const message = new JsWorkMessage(received, () => inHand.settle(message));
      inHand.add(message);
      handler(message);
    },
  });
  return { stop: () => stopConsuming(messages) };
}
