import type { Stoppable } from '../stoppable.js';

export interface RequestOptions {
  /** Milliseconds from now, after which the caller gets TIMEOUT. Whoever answers is told. */
  readonly timeoutMs: number;
  /** The same was asked before, and did not help, or not in time: by one in the same process it is not asked again. */
  readonly repeated?: boolean;
}

/**
 * @param bytes as they were sent, maybe the sender's own: not to be written in.
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
  /**
   * How many more would be taken now, of those who wait so long; who is in the same process asks somebody else rather than be
   * refused.
   */
  readonly room?: (timeoutMs: number) => number;
}

/**
 * Messages that nobody keeps. Of one connection they arrive in the order in which they were sent, over all subjects: who
 * sends a push and then a pull to the same other connection may rely on it. Between two senders there is no order, and
 * none of an answer and what its sender publishes. Bytes that were sent are not changed any more.
 */
export interface Requests {
  request(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array>;
  publish(subject: string, bytes: Uint8Array): void;
  /** Plain subscription: notices. The handler must not throw. */
  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable;
  serve(subject: string, options: ServeOptions, handler: RequestHandler): Stoppable;
}
