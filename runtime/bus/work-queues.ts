import type { Stoppable } from '../stoppable.js';
import type { StreamMessage } from './logs.js';

export interface WorkMessage extends StreamMessage {
  /** 1 on the first delivery. */
  readonly deliveries: number;
  ack(): void;
  /** Give it back, to be delivered again after `delayMs`. */
  nak(delayMs?: number): void;
}

export interface WorkOptions {
  readonly stream: string;
  readonly durable: string;
  readonly filter?: string;
  /** The work begins behind this sequence; left out: with the first message that there is. The same for the life of a durable one. */
  readonly after?: number;
  /** So long after a worker died, somebody else gets what it had in hand. Work may take much longer. */
  readonly ackWaitMs: number;
  readonly pendingMax: number;
}

export interface WorkState {
  /** All messages up to this sequence are acknowledged. */
  readonly acknowledged: number;
  /** Messages that are not, delivered or not. */
  readonly left: number;
}

/** Whether all messages up to `sequence` are done, or gone from the log before somebody did them. */
export function isThrough({ acknowledged, left }: WorkState, sequence: number): boolean {
  // Of work that nobody has begun nothing is said.
  return acknowledged >= sequence || (acknowledged > 0 && left === 0);
}

/** Work on what a log has, shared among those who ask for it. */
export interface WorkQueues {
  /** Shared work: each message goes to one member until it is acknowledged. */
  work(options: WorkOptions, handler: (message: WorkMessage) => void): Promise<Stoppable>;
  /** How far the work on a stream is, over all who share it; nothing where nobody has begun. */
  workState(stream: string, durable: string): Promise<WorkState>;
  /** Nobody goes on with it: what was told of it is forgotten. Of work that nobody has begun there is nothing to do. */
  endWork(stream: string, durable: string): Promise<void>;
}
