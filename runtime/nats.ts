import {
  AckPolicy,
  consumerOpts,
  DeliverPolicy,
  DiscardPolicy,
  headers as natsHeaders,
  nanos,
  RetentionPolicy,
  StorageType,
} from 'nats';
import type {
  ConsumerMessages,
  ConsumerOptsBuilder,
  JetStreamClient,
  JetStreamManager,
  JetStreamSubscription,
  JsMsg,
  KV,
  KvOptions,
  Msg,
  NatsConnection,
  StoredMsg,
  StreamConfig,
  Subscription,
} from 'nats';
import { StarlingError } from '../core/base/errors.js';
import type { BucketDeclaration, StreamDeclaration } from '../messages/streams.js';
import type { NatsAccess } from '../messages/supervision.js';
import type { Clients } from './nats-patience.js';
import { Patience } from './nats-patience.js';
import { retried } from './retried.js';
import { Turns } from './turns.js';
import { isNameInUse, isNotFound, translate } from './nats-errors.js';
import { openNats, type ConnectOptions } from './nats-connection.js';
import type {
  AppendOptions,
  BucketEntry,
  Bus,
  PurgeOptions,
  RequestOptions,
  ServeOptions,
  Stoppable,
  StreamMessage,
  StreamState,
  Tail,
  TailOptions,
  WorkMessage,
  WorkState,
  WorkOptions,
} from './bus.js';

/** Connects in the role that `access` is for. */
export function connectAs(
  access: NatsAccess,
  options: Pick<ConnectOptions, 'name' | 'connectTimeoutMs' | 'onForbidden'>,
): Promise<NatsBus> {
  const { url: urls, ...how } = access;
  return connectBus({ urls, ...how, ...options });
}

/**
 * Once connected it reconnects by itself, for ever.
 *
 * @throws StarlingError UNAVAILABLE when no server answers, FORBIDDEN when user or password are wrong.
 */
export async function connectBus(options: ConnectOptions): Promise<NatsBus> {
  return new NatsBus(await openNats(options), options.user);
}

export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #user: string;
  readonly #jetStream: JetStreamClient;
  readonly #patience: Patience;
  #manager: Promise<JetStreamManager> | undefined;
  readonly #buckets = new Map<string, Promise<KV>>();

  /** @param user whom the connection has signed in as, for words of errors. */
  constructor(connection: NatsConnection, user = '') {
    this.#connection = connection;
    this.#user = user;
    this.#jetStream = connection.jetstream({ timeout: 10_000 });
    this.#patience = new Patience(connection);
  }

  get payloadBytesMax(): number {
    return this.#connection.info?.max_payload ?? 1_048_576;
  }

  /** Of the server it is connected to. */
  get serverVersion(): string {
    return this.#connection.info?.version ?? 'unknown';
  }

  /** Resolves when the connection is closed for good. */
  async closed(): Promise<Error | undefined> {
    return (await this.#connection.closed()) ?? undefined;
  }

  async request(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    try {
      return (await this.#connection.request(subject, bytes, { timeout: options.timeoutMs })).data;
    } catch (error) {
      throw this.#failure(error, `request to ${subject}`);
    }
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.#connection.publish(subject, bytes);
  }

  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable {
    return stoppable(
      this.#connection.subscribe(subject, {
        callback: (error, message) => {
          if (!error) handler(message.data, message.subject);
        },
      }),
    );
  }

  serve(
    subject: string,
    options: ServeOptions,
    handler: (bytes: Uint8Array, subject: string) => Promise<Uint8Array> | Uint8Array,
  ): Stoppable {
    let pending = 0;
    let idle: (() => void) | undefined;
    const settle = (message: Msg, reply: Uint8Array): void => {
      message.respond(reply);
      if (--pending === 0) idle?.();
    };
    const subscription = this.#connection.subscribe(subject, {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      callback: (error, message) => {
        if (error) return;
        pending++;
        // The handler answers errors as replies; it does not reject (runtime/serve.ts).
        void Promise.resolve(handler(message.data, message.subject)).then((reply) =>
          settle(message, reply),
        );
      },
    });
    return {
      stop: async () => {
        await stopSubscription(subscription);
        if (pending > 0) await new Promise<void>((resolve) => (idle = resolve));
      },
    };
  }

  async append(subject: string, bytes: Uint8Array, options: AppendOptions = {}): Promise<number> {
    try {
      const ack = await this.#jetStream.publish(subject, bytes, {
        ...(options.messageId === undefined ? {} : { msgID: options.messageId }),
        ...(options.headers === undefined ? {} : { headers: headersOf(options.headers) }),
        ...(options.lastSubjectSequence === undefined
          ? {}
          : { expect: { lastSubjectSequence: options.lastSubjectSequence } }),
        timeout: options.timeoutMs ?? 10_000,
      });
      return ack.seq;
    } catch (error) {
      throw this.#failure(error, `append to ${subject}`);
    }
  }

  tail(
    options: TailOptions,
    handler: (message: StreamMessage) => void | Promise<void>,
  ): Promise<Tail> {
    return this.#ask(`tail of ${options.stream}`, async ({ jetStream }) => {
      const filter = options.filter ?? '>';
      const subscription = await jetStream.subscribe(filter, orderedConsumer(options));
      try {
        const info = await subscription.consumerInfo();
        const finished = handleAll(subscription, handler);
        return {
          backlog: info.delivered.consumer_seq + info.num_pending,
          stop: async () => {
            subscription.unsubscribe();
            await finished;
          },
        };
      } catch (error) {
        subscription.unsubscribe();
        throw error;
      }
    });
  }

  work(options: WorkOptions, handler: (message: WorkMessage) => void): Promise<Stoppable> {
    const declared = {
      durable_name: options.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(options.ackWaitMs),
      max_ack_pending: options.pendingMax,
      ...(options.filter === undefined ? {} : { filter_subject: options.filter }),
    };
    return this.#ask(`work on ${options.stream}`, async ({ manager, jetStream }) => {
      await manager.consumers.add(options.stream, declared);
      const consumer = await jetStream.consumers.get(options.stream, options.durable);
      const messages = await consumer.consume({
        max_messages: options.pendingMax,
        expires: 5_000,
        callback: (message) => handler(new JsWorkMessage(message)),
      });
      return { stop: () => stopConsuming(messages) };
    });
  }

  workState(stream: string, durable: string): Promise<WorkState> {
    return this.#ask(`work on ${stream}`, async ({ manager }) => {
      const info = await orUndefined(manager.consumers.info(stream, durable));
      if (!info) return { acknowledged: 0, left: 0 };
      const left = info.num_pending + info.num_ack_pending;
      return { acknowledged: info.ack_floor.stream_seq, left };
    });
  }

  hasStream(stream: string): Promise<boolean> {
    return this.#ask(`stream ${stream}`, async ({ manager }) => {
      return (await orUndefined(manager.streams.info(stream))) !== undefined;
    });
  }

  streamState(stream: string): Promise<StreamState> {
    return this.#ask(`state of ${stream}`, async ({ manager }) => {
      const { state } = await manager.streams.info(stream);
      const { first_seq: firstSequence, last_seq: lastSequence, messages, bytes } = state;
      return { firstSequence, lastSequence, messages, bytes };
    });
  }

  subjects(stream: string, filter: string): Promise<string[]> {
    return this.#ask(`subjects of ${stream}`, async ({ manager }) => {
      const { state } = await manager.streams.info(stream, { subjects_filter: filter });
      return Object.keys(state.subjects ?? {});
    });
  }

  lastMessage(stream: string, subject: string): Promise<StreamMessage | undefined> {
    return this.#ask(`last message of ${subject}`, async ({ manager }) => {
      const query = { last_by_subj: subject };
      return stored(await orUndefined(manager.streams.getMessage(stream, query)));
    });
  }

  messageAt(stream: string, sequence: number): Promise<StreamMessage | undefined> {
    return this.#ask(`message ${sequence} of ${stream}`, async ({ manager }) => {
      const { direct } = manager as JetStreamManager & DirectReads;
      return stored(await orUndefined(direct.getMessage(stream, { seq: sequence })));
    });
  }

  async bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined> {
    try {
      const entry = await (await this.#bucket(bucket)).get(key);
      return entry && entry.operation === 'PUT' ? entry.value : undefined;
    } catch (error) {
      throw this.#failure(error, `bucket ${bucket}`);
    }
  }

  async bucketPut(bucket: string, key: string, bytes: Uint8Array): Promise<void> {
    try {
      await (await this.#bucket(bucket)).put(key, bytes);
    } catch (error) {
      throw this.#failure(error, `bucket ${bucket}`);
    }
  }

  async bucketEntry(bucket: string, key: string): Promise<BucketEntry | undefined> {
    try {
      const entry = await (await this.#bucket(bucket)).get(key);
      if (!entry || entry.operation !== 'PUT') return undefined;
      return { bytes: entry.value, revision: entry.revision };
    } catch (error) {
      throw this.#failure(error, `bucket ${bucket}`);
    }
  }

  async bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
  ): Promise<number> {
    try {
      const view = await this.#bucket(bucket);
      // create() also takes the place of a deleted key.
      return await (revision === 0 ? view.create(key, bytes) : view.update(key, bytes, revision));
    } catch (error) {
      throw this.#failure(error, `bucket ${bucket}, key ${key}`);
    }
  }

  async requireBucketLeader(bucket: string, timeoutMs: number): Promise<void> {
    const what = `leader of bucket ${bucket}`;
    try {
      const reply = await this.#connection.request(`$JS.API.STREAM.INFO.KV_${bucket}`, undefined, {
        timeout: timeoutMs,
      });
      const { error } = reply.json<{ error?: { description: string } }>();
      if (error) throw new StarlingError('UNAVAILABLE', `${what}: ${error.description}.`);
    } catch (error) {
      throw this.#failure(error, what);
    }
  }

  /** Tried again when it is not answered: what was handed over before is handed over once more. */
  bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable> {
    return retried(() => this.#watchOnce(bucket, pattern, handler));
  }

  async #watchOnce(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable> {
    try {
      const view = await this.#bucket(bucket);
      let initialized: () => void;
      const complete = new Promise<void>((resolve) => (initialized = resolve));
      const entries = await view.watch({ key: pattern, initializedFn: () => initialized() });
      const finished = (async () => {
        for await (const { key, value, revision, operation } of entries) {
          if (operation === 'PUT') handler(key, { bytes: value, revision });
        }
      })();
      await complete;
      return {
        stop: async () => {
          entries.stop();
          await finished;
        },
      };
    } catch (error) {
      throw this.#failure(error, `watch of bucket ${bucket}`);
    }
  }

  async purge(stream: string, options: PurgeOptions): Promise<number> {
    try {
      const { streams } = await this.#jsm();
      const { subject: filter, beforeSequence: seq } = options;
      const what = {
        ...(filter === undefined ? {} : { filter }),
        ...(seq === undefined ? {} : { seq }),
      };
      // The client's type wants to know which of the two is there; the server takes any of them, or none.
      const done = await streams.purge(stream, what as { seq: number });
      return done.purged;
    } catch (error) {
      throw this.#failure(error, `purge of ${stream}`);
    }
  }

  /**
   * Creates the stream, or brings it up to the declaration. Safe to call again and from several processes.
   * @throws StarlingError STATE_INVALID when the server does not echo what was asked (old servers drop settings).
   */
  async declareStream(declaration: StreamDeclaration, placed: boolean): Promise<void> {
    const config = streamConfig(declaration, placed);
    const manager = await this.#jsm();
    try {
      const info = await manager.streams.add(config).catch((error: unknown) => {
        if (isNameInUse(error)) return manager.streams.update(declaration.name, config);
        throw error;
      });
      const missing = (declaration.subjects ?? []).filter(
        (subject) => !info.config.subjects.includes(subject),
      );
      if (missing.length > 0) {
        throw new StarlingError(
          'STATE_INVALID',
          `stream ${declaration.name} does not take ${missing.join(', ')}.`,
        );
      }
    } catch (error) {
      throw this.#failure(error, `stream ${declaration.name}`);
    }
  }

  /** The same for a bucket; one that is there keeps its place, and gets the number of copies. */
  async declareBucket(declaration: BucketDeclaration, placed: boolean): Promise<void> {
    const { name, cluster, replicas } = declaration;
    try {
      await this.#bucket(name, { replicas, ...(placed ? { placementCluster: cluster } : {}) });
      const { streams } = await this.#jsm();
      const { config } = await streams.info(`KV_${name}`);
      if (config.num_replicas !== replicas) {
        await streams.update(config.name, { ...config, num_replicas: replicas });
      }
    } catch (error) {
      throw this.#failure(error, `bucket ${name}`);
    }
  }

  async flush(): Promise<void> {
    await this.#connection.flush();
  }

  async close(): Promise<void> {
    if (!this.#connection.isClosed()) await this.#connection.close();
  }

  #failure(error: unknown, what: string): StarlingError {
    return translate(error, what, this.#user);
  }

  /** Kept only when it worked: a manager asked for while JetStream starts up would fail for ever. */
  #jsm(): Promise<JetStreamManager> {
    this.#manager ??= this.#connection
      .jetstreamManager({ timeout: 10_000 })
      .catch((error: unknown) => {
        this.#manager = undefined;
        throw error;
      });
    return this.#manager;
  }

  #ask<T>(what: string, run: (clients: Clients) => Promise<T>): Promise<T> {
    return this.#patience.ask(run, (error) => this.#failure(error, what));
  }

  /** @param creation counts only when it is not there yet, which is so for the supervisor alone. */
  #bucket(name: string, creation: Partial<KvOptions> = {}): Promise<KV> {
    const known = this.#buckets.get(name);
    if (known) return known;
    // Who asks for a key asks again; a long wait for a server that died would only be part of every recovery.
    const opened = this.#connection.jetstream({ timeout: 3_000 }).views.kv(name, {
      history: 1,
      storage: StorageType.File,
      timeout: 3_000,
      ...creation,
    });
    this.#buckets.set(name, opened);
    opened.catch(() => this.#buckets.delete(name));
    return opened;
  }
}

function streamConfig(
  declaration: StreamDeclaration,
  placed: boolean,
): Partial<StreamConfig> & { name: string } {
  return {
    name: declaration.name,
    ...(declaration.subjects === undefined ? {} : { subjects: [...declaration.subjects] }),
    ...(declaration.sources === undefined
      ? {}
      : {
          sources: declaration.sources.map(({ stream, subject }) => ({
            name: stream,
            filter_subject: subject,
          })),
        }),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: declaration.replicas ?? 1,
    max_age: nanos(declaration.maxAgeMs),
    max_msg_size: declaration.maxMessageBytes ?? -1,
    max_msgs_per_subject: declaration.maxMessagesPerSubject ?? -1,
    discard: declaration.discard === 'old' ? DiscardPolicy.Old : DiscardPolicy.New,
    duplicate_window: nanos(declaration.duplicateWindowMs),
    allow_direct: true,
    ...(placed ? { placement: { cluster: declaration.cluster, tags: [] } } : {}),
  };
}

/** The manager has it; its type does not say so. */
interface DirectReads {
  readonly direct: {
    getMessage(stream: string, query: { readonly seq: number }): Promise<StoredMsg>;
  };
}

async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function orderedConsumer(options: TailOptions): ConsumerOptsBuilder {
  const consumer = consumerOpts();
  consumer.orderedConsumer();
  // A stalled flow-control exchange is mended by the next heartbeat: at the client's default of 5 s it cost 5 s of
  // freshness now and then. Much lower, and a busy event loop looks like a lost server.
  consumer.idleHeartbeat(1_000);
  consumer.bindStream(options.stream);
  if (options.lastPerSubject) consumer.deliverLastPerSubject();
  else if (options.fromTimeMs !== undefined) consumer.startTime(new Date(options.fromTimeMs));
  else if (options.fromSequence !== undefined && options.fromSequence > 1)
    consumer.startSequence(options.fromSequence);
  else consumer.deliverAll();
  return consumer;
}

async function handleAll(
  subscription: JetStreamSubscription,
  handler: (message: StreamMessage) => void | Promise<void>,
): Promise<void> {
  const turns = new Turns();
  for await (const message of subscription) {
    await handler(new JsStreamMessage(message));
    await turns.give();
  }
}

function stored(found: StoredMsg | undefined): StreamMessage | undefined {
  if (!found) return undefined;
  const { subject, seq, time, data, header } = found;
  return {
    subject,
    sequence: seq,
    atMs: time.getTime(),
    bytes: data,
    header: (name) => header?.get(name) || undefined,
  };
}

function headersOf(values: Readonly<Record<string, string>>) {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(values)) headers.set(name, value);
  return headers;
}

class JsStreamMessage implements StreamMessage {
  protected readonly message: JsMsg;

  constructor(message: JsMsg) {
    this.message = message;
  }

  get subject(): string {
    return this.message.subject;
  }

  get sequence(): number {
    return this.message.seq;
  }

  get atMs(): number {
    return this.message.info.timestampNanos / 1e6;
  }

  get bytes(): Uint8Array {
    return this.message.data;
  }

  header(name: string): string | undefined {
    return this.message.headers?.get(name) || undefined;
  }
}

class JsWorkMessage extends JsStreamMessage implements WorkMessage {
  get deliveries(): number {
    return this.message.info.redeliveryCount;
  }

  ack(): void {
    this.message.ack();
  }

  nak(delayMs?: number): void {
    this.message.nak(delayMs);
  }

  working(): void {
    this.message.working();
  }
}

async function stopConsuming(messages: ConsumerMessages): Promise<void> {
  const error = await messages.close();
  if (error) throw translate(error, 'stop of a consumer');
}

function stoppable(subscription: Subscription): Stoppable {
  return { stop: () => stopSubscription(subscription) };
}

async function stopSubscription(subscription: Subscription): Promise<void> {
  if (!subscription.isClosed()) await subscription.drain();
}
