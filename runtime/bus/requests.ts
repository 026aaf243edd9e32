import type { Stoppable } from '../stoppable.js';

export interface RequestOptions {
  /** Milliseconds from now, after which the caller gets TIMEOUT. Whoever answers is told. */
  readonly timeoutMs: number;
}

/**
 * @param timeout how long the caller waits, as the request says it (messages/timeout.ts).
 * @param waitedMs so long the request may have lain here, as this process stood still (standstill.ts); 0: it has not.
 */
export type RequestHandler = (
  bytes: Uint8Array,
  subject: string,
  timeout: string | undefined,
  waitedMs: number,
) => Promise<Uint8Array> | Uint8Array;

export interface ServeOptions {
  /** Replicas of one queue group share requests; NATS prefers the caller's own data center. */
  readonly queue?: string;
}

/**
 * Messages that nobody keeps. Of one connection they arrive in the order in which they were sent, over all subjects: who
 * sends a push and then a pull to the same other connection may rely on it. Between two senders there is no order.
 */
export interface Requests {
  request(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array>;
  publish(subject: string, bytes: Uint8Array): void;
  /** Plain subscription: notices. The handler must not throw. */
  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable;
  serve(subject: string, options: ServeOptions, handler: RequestHandler): Stoppable;
}
