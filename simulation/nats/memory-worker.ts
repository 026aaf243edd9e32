import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { MemoryBus } from './memory-bus.js';
import type { MemoryServers } from './memory-servers.js';
import type { MemoryStream } from './memory-stream.js';
import type { MemoryWork, WorkMember } from './memory-work.js';

/** One who shares the work on a stream. */
export class MemoryWorker implements Stoppable, WorkMember {
  readonly connection: MemoryBus;
  readonly #servers: MemoryServers;
  readonly #stream: MemoryStream;
  readonly #handler: (message: WorkMessage) => void;
  readonly #inHand = new Set<number>();
  #work: MemoryWork | undefined;

  constructor(
    bus: MemoryBus,
    servers: MemoryServers,
    stream: MemoryStream,
    handler: (message: WorkMessage) => void,
  ) {
    this.connection = bus;
    this.#servers = servers;
    this.#stream = stream;
    this.#handler = handler;
  }

  /** At the server. */
  join(work: MemoryWork): void {
    this.#work = work;
    work.join(this);
  }

  /** It is still a member; what it had in hand was handed over by an earlier connection, and may be finished. */
  reopen(): void {
    this.#work?.join(this);
  }

  hasInHand(sequence: number): boolean {
    return this.#inHand.has(sequence);
  }

  take(message: StreamMessage, deliveries: number): void {
    const { sequence } = message;
    this.#inHand.add(sequence);
    const tell = (say: (work: MemoryWork) => void): void => {
      this.#inHand.delete(sequence);
      const { cluster } = this.#stream.declaration;
      this.#servers.post(this.connection, cluster, () => this.#work && say(this.#work));
    };
    this.#handler({
      ...message,
      deliveries,
      ack: () => tell((work) => work.ack(sequence)),
      nak: (delayMs = 0) => tell((work) => work.nak(sequence, delayMs)),
    });
  }

  async stop(): Promise<void> {
    this.#work?.leave(this);
  }
}
