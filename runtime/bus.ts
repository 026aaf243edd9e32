import type { ClusterNames } from '../messages/cluster-names.js';

/**
 * What actors need of the message system, and no more. One implementation speaks to NATS (nats.ts); nothing else in
 * the project imports the client, so its successor packages can replace it in one place.
 */
export interface RequestOptions {
  /** Wall clock, milliseconds from now, after which the caller gets TIMEOUT. Whoever answers is told. */
  readonly timeoutMs: number;
}

/** @param timeout how long the caller waits, as the request says it (messages/timeout.ts). */
export type RequestHandler = (
  bytes: Uint8Array,
  subject: string,
  timeout?: string,
) => Promise<Uint8Array> | Uint8Array;

export interface ServeOptions {
  /** Replicas of one queue group share requests; NATS prefers the caller's own data center. */
  readonly queue?: string;
}

export interface Stoppable {
  /** No new messages; those already handed over are finished first. */
  stop(): Promise<void>;
}

export interface StreamMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
  header(name: string): string | undefined;
}

export interface WorkMessage extends StreamMessage {
  /** 1 on the first delivery. */
  readonly deliveries: number;
  ack(): void;
  /** Give it back, to be delivered again after `delayMs`. */
  nak(delayMs?: number): void;
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
  /** How many messages were there when the tail began: having handled as many, it has caught up. */
  readonly backlog: number;
}

export interface WorkOptions {
  readonly stream: string;
  readonly durable: string;
  readonly filter?: string;
  /** So long after a worker died, somebody else gets what it had in hand. Work may take much longer. */
  readonly ackWaitMs: number;
  readonly pendingMax: number;
}

export interface StreamState {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messages: number;
  readonly bytes: number;
}

export interface WorkState {
  /** All messages up to this sequence are acknowledged. */
  readonly acknowledged: number;
  /** Messages that are not, delivered or not. */
  readonly left: number;
}

export interface BucketEntry {
  readonly bytes: Uint8Array;
  readonly revision: number;
}

export interface KeyOptions {
  /** For the answer, if that is shorter than what the bus waits for any key. */
  readonly timeoutMs?: number;
}

export interface PurgeOptions {
  /** Only messages of this subject. */
  readonly subject?: string;
  /** Only messages before this sequence. */
  readonly beforeSequence?: number;
}

export interface Bus {
  /** What everything of the cluster is called that this connection is for. */
  readonly names: ClusterNames;
  request(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array>;
  publish(subject: string, bytes: Uint8Array): void;
  /** Plain subscription: notices. The handler must not throw. */
  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable;
  serve(subject: string, options: ServeOptions, handler: RequestHandler): Stoppable;
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
  /** Shared work: each message goes to one member until it is acknowledged. */
  work(options: WorkOptions, handler: (message: WorkMessage) => void): Promise<Stoppable>;
  /** How far the work on a stream is, over all who share it; nothing where nobody has begun. */
  workState(stream: string, durable: string): Promise<WorkState>;
  streamState(stream: string): Promise<StreamState>;
  /** Subjects that the stream holds messages of; `filter` may have wildcards. */
  subjects(stream: string, filter: string): Promise<string[]>;
  lastMessage(stream: string, subject: string): Promise<StreamMessage | undefined>;
  messageAt(stream: string, sequence: number): Promise<StreamMessage | undefined>;
  /**
   * Of this and the other questions about a key: each is answered within a few seconds or never, whatever becomes of the
   * server that it went to.
   * @throws StarlingError TIMEOUT when there is no answer in time; of a change nobody knows then whether it was made.
   */
  bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined>;
  bucketPut(bucket: string, key: string, bytes: Uint8Array, options?: KeyOptions): Promise<void>;
  bucketEntry(bucket: string, key: string, options?: KeyOptions): Promise<BucketEntry | undefined>;
  /**
   * Compare and set; revision 0 means the key is new. Resolves with the new revision.
   * @throws StarlingError CONFLICT when somebody else changed the key since.
   */
  bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
    options?: KeyOptions,
  ): Promise<number>;
  /**
   * Resolves if the bucket takes changes. Reads say nothing about that: of three copies, any answers them.
   * @throws StarlingError TIMEOUT, UNAVAILABLE, … when it has no leader, or nobody answers
   */
  requireBucketLeader(bucket: string, timeoutMs: number): Promise<void>;
  /** Every value there is, then every change; resolves when what was there has been handed over. */
  bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable>;
  /** Removes messages for good; returns how many. */
  purge(stream: string, options: PurgeOptions): Promise<number>;
  /** Everything sent so far has reached the server. */
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly payloadBytesMax: number;
  /** Of the server it is connected to; undefined where servers have no clusters. */
  readonly dataCenter?: string | undefined;
  /** The data center it belongs to: that of the server it prefers, also while it is connected to another. */
  readonly home?: string | undefined;
  /** It is connected to a server of another data center, since its own is gone. It goes home by itself. */
  readonly away?: boolean;
  /** Hears of every arrival at another server, or at the same one again. */
  onMoved?(listener: () => void): void;
}
