import type { JetStreamClient, JetStreamManager, NatsConnection } from 'nats';
import { codeOf } from '../../core/base/errors.js';
import type { InFlight } from '../in-flight.js';
import { pauseMsAfter } from '../retry.js';
import { isOutOfReach } from './nats-errors.js';

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
  readonly #inFlight: InFlight;
  /** By how long they wait. */
  readonly #clients = new Map<number, Promise<Clients>>();

  constructor(connection: NatsConnection, inFlight: InFlight) {
    this.#connection = connection;
    this.#inFlight = inFlight;
  }

  /**
   * @param fail makes a typed error of what was thrown.
   * @throws what `fail` made of the last try. A time-out is tried again, and so is what a server says of a stream whose
   *   own server is gone; as it says so at once, the wait comes afterwards.
   */
  async ask<T>(run: (clients: Clients) => Promise<T>, fail: (error: unknown) => Error): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const waitMs = waitsMs[attempt - 1]!;
      try {
        return await this.#once(run, waitMs);
      } catch (error) {
        const failure = fail(error);
        const outOfReach = isOutOfReach(error);
        const worth = outOfReach || codeOf(failure) === 'TIMEOUT';
        if (!worth || attempt === waitsMs.length) throw failure;
        if (!outOfReach) continue;
        const pauseMs = pauseMsAfter(1, { baseMs: waitMs, capMs: waitMs }, Math.random());
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  async #once<T>(run: (clients: Clients) => Promise<T>, waitMs: number): Promise<T> {
    await this.#inFlight.passable(waitMs);
    this.#inFlight.begin();
    try {
      return await run(await this.#clientsOf(waitMs));
    } finally {
      this.#inFlight.end();
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
