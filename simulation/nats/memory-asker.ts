import type { Clock } from '../../core/base/clock.js';
import { StarlingError, codeOf } from '../../core/base/errors.js';
import type { InFlight } from '../../runtime/in-flight.js';
import type { Connection, MemoryServers } from './memory-servers.js';

export interface AskerOptions {
  readonly servers: MemoryServers;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly inFlight: InFlight;
}

/** How an answer comes back: over the way from a data center, unless the asker has given up by then. */
interface Answer<T> {
  resolve(from: string, value: T): void;
  reject(from: string, error: Error): void;
}

/** What a connection asks and waits for: each once, within a time, and told at once when its server is lost. */
export class MemoryAsker {
  readonly #options: AskerOptions;

  constructor(options: AskerOptions) {
    this.#options = options;
  }

  /**
   * Has the server of a data center do something.
   * @param place the data center, as it is known when the question goes out.
   * @throws StarlingError what `run` throws; TIMEOUT, NO_RESPONDERS, UNAVAILABLE
   */
  ask<T>(place: () => string, timeoutMs: number, what: string, run: () => T): Promise<T> {
    const { servers, connection } = this.#options;
    return this.#within<T>(timeoutMs, what, (answer) => {
      const dataCenter = place();
      if (!servers.isUp(dataCenter)) {
        // The servers of the other data centers know that nobody listens there.
        return servers.post(connection, undefined, () =>
          answer.reject(servers.serverOf(connection) ?? dataCenter, nobody(what)),
        );
      }
      servers.post(connection, dataCenter, () => {
        try {
          const done = run();
          if (!servers.random.happens(servers.answersLost)) answer.resolve(dataCenter, done);
        } catch (error) {
          answer.reject(dataCenter, error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  /** Asks whoever serves a subject. @throws StarlingError TIMEOUT, NO_RESPONDERS, UNAVAILABLE */
  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { servers, connection } = this.#options;
    const what = `request to ${subject}`;
    return this.#within<Uint8Array>(timeoutMs, what, (answer, leftMs) => {
      const respond = (responder: Connection, reply: Uint8Array): void => {
        servers.onAnswer?.(responder, subject, bytes, reply);
        servers.post(responder, undefined, () => {
          const from = servers.serverOf(responder);
          if (from !== undefined) answer.resolve(from, reply);
        });
      };
      servers.post(connection, undefined, () => {
        const server = servers.serverOf(connection);
        if (server === undefined) return;
        const timeout = String(Math.ceil(leftMs));
        const heard = servers.route(server, { subject, bytes, timeout, respond });
        if (heard === 0) answer.reject(server, nobody(what));
      });
    });
  }

  async #within<T>(
    timeoutMs: number,
    what: string,
    begin: (answer: Answer<T>, leftMs: number) => void,
  ): Promise<T> {
    const { servers, inFlight } = this.#options;
    try {
      return await inFlight.request(timeoutMs, (leftMs) => this.#once(leftMs, what, begin));
    } catch (error) {
      servers.refused(codeOf(error));
      throw error;
    }
  }

  #once<T>(
    leftMs: number,
    what: string,
    begin: (answer: Answer<T>, leftMs: number) => void,
  ): Promise<T> {
    const { servers, connection, clock } = this.#options;
    return new Promise<T>((resolve, reject) => {
      const cancel = clock.after(leftMs, () =>
        reject(new StarlingError('TIMEOUT', `${what}: no answer within ${Math.round(leftMs)} ms.`)),
      );
      const deliver = (from: string, say: () => void): void =>
        servers.deliver(from, connection, () => {
          cancel();
          say();
        });
      const answer: Answer<T> = {
        resolve: (from, value) => deliver(from, () => resolve(value)),
        reject: (from, error) => deliver(from, () => reject(error)),
      };
      for (const hear of [...servers.onAsking]) hear(connection, what);
      begin(answer, leftMs);
      servers.onAsked?.(connection, what);
    });
  }
}

export function nobody(what: string): StarlingError {
  return new StarlingError('NO_RESPONDERS', `${what}: nobody is there.`);
}
