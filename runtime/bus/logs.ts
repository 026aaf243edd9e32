import type { Stoppable } from '../stoppable.js';

export interface StreamMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
  header(name: string): string | undefined;
}

export interface AppendOptions {
  readonly messageId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /**
   * Stored only if the newest message of the same subject has this sequence (0: there is none). A writer that somebody
   * has taken over from finds out here, at the log itself, whatever it believes of its own ownership. The stream is
   * named for those who repeat a message under its id: the newest one may be theirs.
   */
  readonly after?: { readonly stream: string; readonly sequence: number };
  /** Hears which stream has it: a public subject is of another one in each data center. */
  readonly stored?: (stream: string) => void;
}

export interface TailOptions {
  readonly stream: string;
  /** One subject, wildcards allowed. */
  readonly filter?: string;
  readonly fromSequence?: number;
  /** Start with the first message that was stored at or after this time, milliseconds since 1970. */
  readonly fromTimeMs?: number;
  /** Start with the last message of each subject instead of the first of all. */
  readonly lastPerSubject?: boolean;
}

export interface Tail extends Stoppable {
  /**
   * Resolves once all messages that were there when the tail began are handled, but for those that have gone before they came
   * (by age, by a purge). Not where it is stopped before.
   */
  readonly caughtUp: Promise<void>;
}

export interface StreamState {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messages: number;
  readonly bytes: number;
  /** After so long a message goes; 0: by age none does; absent: not known. */
  readonly ageMsMax?: number;
}

export interface PurgeOptions {
  /** Only messages of this subject. */
  readonly subject?: string;
  /** Only messages before this sequence. */
  readonly beforeSequence?: number;
}

/** Logs: what is acknowledged is kept, each message with its sequence. */
export interface Logs {
  /**
   * Resolves with the stream sequence once JetStream has acknowledged the message. What is there already under the same
   * message id, because its acknowledgement was lost, is not stored again.
   * @throws StarlingError CONFLICT when `after` is not what the stream has.
   */
  append(subject: string, bytes: Uint8Array, options?: AppendOptions): Promise<number>;
  /** In order, without gaps; re-created by itself when a message is missed. */
  tail(
    options: TailOptions,
    handler: (message: StreamMessage) => void | Promise<void>,
  ): Promise<Tail>;
  streamState(stream: string): Promise<StreamState>;
  /** Subjects that the stream holds messages of; `filter` may have wildcards. */
  subjects(stream: string, filter: string): Promise<string[]>;
  lastMessage(stream: string, subject: string): Promise<StreamMessage | undefined>;
  messageAt(stream: string, sequence: number): Promise<StreamMessage | undefined>;
  /** Removes messages for good; returns how many. */
  purge(stream: string, options: PurgeOptions): Promise<number>;
}
