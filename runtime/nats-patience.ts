import type { JetStreamClient, JetStreamManager, NatsConnection } from 'nats';
import { codeOf } from '../core/base/errors.js';

/**
 * Waits for an answer, try after try. A request that was on its way when its server died, or while the servers had no
 * leader, is never answered, so short ones come first; a server that looks through gigabytes needs a long one.
 */
const waitsMs = [1_000, 1_000, 2_000, 2_000, 4_000, 4_000, 8_000, 16_000];

export interface Clients {
  readonly manager: JetStreamManager;
  readonly jetStream: JetStreamClient;
}

/** Asks JetStream what may be asked again, for a short while at first and then for longer. */
export class Patience {
  readonly #connection: NatsConnection;
  /** By how long they wait. */
  readonly #clients = new Map<number, Promise<Clients>>();

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /**
   * @param fail makes a typed error of what was thrown.
   * @throws what `fail` made of the last try; only a time-out is tried again.
   */
  async ask<T>(run: (clients: Clients) => Promise<T>, fail: (error: unknown) => Error): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(await this.#clientsOf(waitsMs[attempt - 1]!));
      } catch (error) {
        const failure = fail(error);
        if (codeOf(failure) !== 'TIMEOUT' || attempt === waitsMs.length) throw failure;
      }
    }
  }

  #clientsOf(timeout: number): Promise<Clients> {
    const known = this.#clients.get(timeout);
    if (known) return known;
    // Without the question whether there is a JetStream, which not every role may ask.
    const made = this.#connection
      .jetstreamManager({ timeout, checkAPI: false })
      .then((manager) => ({ manager, jetStream: this.#connection.jetstream({ timeout }) }));
    this.#clients.set(timeout, made);
    return made;
  }
}
