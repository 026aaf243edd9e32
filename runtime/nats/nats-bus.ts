import { AckPolicy, DeliverPolicy, nanos } from 'nats';
import type { JetStreamClient, JetStreamManager, NatsConnection, StoredMsg, StreamAPI } from 'nats';
import type { Clock } from '../../core/base/clock.js';
import type { StarlingError } from '../../core/base/errors.js';
import { codeOf } from '../../core/base/errors.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { namesOf } from '../../messages/cluster-names.js';
import type { BucketDeclaration, StreamDeclaration } from '../../messages/declared-streams.js';
import type { NatsAccess } from '../../messages/nats-access.js';
import { timeoutFields } from '../../messages/timeout.js';
import { InFlight } from '../in-flight.js';
import { Standstill } from '../standstill.js';
import { systemClock, systemRandom } from '../system.js';
import { within } from '../time-limit.js';
import { openNats, type ConnectOptions } from './open-connection.js';
import { declareStream, setMessageBytesMax, setReplicas } from './declare-stream.js';
import { isConsumerInUse, orUndefined, translate } from './nats-errors.js';
import { WayHome } from './way-home.js';
import { headersOf, stored } from './stream-message.js';
import type { Clients } from './ask-patiently.js';
import { Patience } from './ask-patiently.js';
import { serveOn, stopSubscription } from './serve-subject.js';
import { openTail } from './stream-tail.js';
import { storedStreams, type StoredStreams } from './stored-streams.js';
import { NatsRecords } from './nats-records.js';
import { workOn } from './work-queue.js';
import type { Bus } from '../bus/bus.js';
import type {
  AppendOptions,
  PurgeOptions,
  StreamMessage,
  StreamState,
  Tail,
  TailOptions,
} from '../bus/logs.js';
import type { BucketEntry, KeyOptions } from '../bus/records.js';
import type { RequestHandler, RequestOptions, ServeOptions } from '../bus/requests.js';
import type { WorkMessage, WorkState, WorkOptions } from '../bus/work-queues.js';
import type { Stoppable } from '../stoppable.js';

/** Connects in the role that `access` is for. */
export function connectAs(
  access: NatsAccess,
  options: Omit<
    ConnectOptions,
    'cluster' | 'whole' | 'urls' | 'user' | 'password' | 'inboxPrefix' | 'tls'
  >,
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
  return new NatsBus(await openNats(options), options);
}

const messageIdHeader = 'Nats-Msg-Id';

/** For the answer of JetStream to what is asked once. */
const appendMsMax = 10_000;

export class NatsBus implements Bus {
  readonly names: ClusterNames;
  readonly clock: Clock;
  readonly random = systemRandom;
  readonly #connection: NatsConnection;
  readonly #user: string;
  readonly #jetStream: JetStreamClient;
  readonly #inFlight = new InFlight(systemClock);
  readonly #patience: Patience;
  readonly #wayHome: WayHome;
  readonly #onInterrupted: (error: StarlingError) => void;
  readonly #suspectMs: number | undefined;
  readonly #moveListeners = new Set<() => void>();
  /** Since it serves anything. */
  #standstill: Standstill | undefined;
  #manager: Promise<JetStreamManager> | undefined;
  readonly #records: NatsRecords;

  constructor(connection: NatsConnection, options: ConnectOptions) {
    const { cluster, whole, urls, user, onMoved, onInterrupted } = options;
    this.names = namesOf(cluster, whole);
    this.clock = options.clock ?? systemClock;
    this.#connection = connection;
    this.#user = user ?? '';
    this.#onInterrupted = onInterrupted ?? (() => undefined);
    this.#suspectMs = options.suspectMs;
    this.#jetStream = connection.jetstream({ timeout: appendMsMax });
    this.#patience = new Patience(connection, this.#inFlight);
    this.#records = new NatsRecords({
      connection,
      manager: () => this.#jsm(),
      attempt: (what, timeoutMs, send) => this.#attempt(what, timeoutMs, send),
      watching: (bucket) => ({
        failure: (error) => this.#failure(error, `watch of bucket ${bucket}`),
        onArrival: (listener) => {
          this.#moveListeners.add(listener);
          return () => this.#moveListeners.delete(listener);
        },
        interrupted: this.#onInterrupted,
        isClosed: () => connection.isClosed(),
      }),
    });
    this.#wayHome = new WayHome(connection, {
      urls,
      inFlight: this.#inFlight,
      onMoved: (where) => {
        onMoved?.(where);
        for (const listener of this.#moveListeners) listener();
      },
    });
  }

  get server(): string | undefined {
    return this.#inFlight.isHeld || this.#connection.isClosed()
      ? undefined
      : this.#connection.info?.server_id;
  }

  get dataCenter(): string | undefined {
    return this.#wayHome.dataCenter;
  }

  get home(): string | undefined {
    return this.#wayHome.home;
  }

  get away(): boolean {
    return this.#wayHome.away;
  }

  onMoved(listener: () => void): void {
    this.#moveListeners.add(listener);
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

  request(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const answer = this.#attempt(`request to ${subject}`, options.timeoutMs, async (timeout) => {
      const headers = headersOf(timeoutFields(timeout));
      return (await this.#connection.request(subject, bytes, { timeout, headers })).data;
    });
    const suspectMs = this.#suspectMs;
    if (suspectMs === undefined) return answer;
    const timer = setTimeout(() => void this.#wayHome.suspect(suspectMs), suspectMs);
    return answer.finally(() => clearTimeout(timer));
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.#connection.publish(subject, bytes);
  }

  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (!error) handler(message.data, message.subject);
      },
    });
    return { stop: () => stopSubscription(subscription) };
  }

  serve(subject: string, options: ServeOptions, handler: RequestHandler): Stoppable {
    this.#standstill ??= new Standstill(this.clock, () => this.flush());
    const serving = { inFlight: this.#inFlight, standstill: this.#standstill };
    return serveOn(this.#connection, serving, subject, options, handler);
  }

  async append(subject: string, bytes: Uint8Array, options: AppendOptions = {}): Promise<number> {
    const { messageId, headers, after, stored, timeoutMs = appendMsMax } = options;
    const expected = after && { lastSubjectSequence: after.sequence };
    try {
      return await this.#attempt(`append to ${subject}`, timeoutMs, async (timeout) => {
        const ack = await this.#jetStream.publish(subject, bytes, {
          ...(messageId === undefined ? {} : { msgID: messageId }),
          ...(headers === undefined ? {} : { headers: headersOf(headers) }),
          ...(expected === undefined ? {} : { expect: expected }),
          timeout,
        });
        stored?.(ack.stream);
        return ack.seq;
      });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT' || !after || messageId === undefined) throw error;
      const there = await this.#repeated(after.stream, subject, messageId);
      if (there === undefined) throw error;
      stored?.(after.stream);
      return there;
    }
  }

  /**
   * The sequence of the newest message of the subject, if it has this id. Since 2.12 a server looks at the expected
   * sequence first and at ids second (streams of one copy), so who repeats a message whose acknowledgement was lost is
   * refused because of that very message. Older servers find the id first, for as long as they remember it.
   */
  async #repeated(stream: string, subject: string, messageId: string): Promise<number | undefined> {
    const newest = await this.lastMessage(stream, subject);
    return newest?.header(messageIdHeader) === messageId ? newest.sequence : undefined;
  }

  tail(
    options: TailOptions,
    handler: (message: StreamMessage) => void | Promise<void>,
  ): Promise<Tail> {
    const source = {
      ask: <T>(what: string, run: (clients: Clients) => Promise<T>) => this.#ask(what, run),
      failure: (error: unknown, what: string) => this.#failure(error, what),
      interrupted: this.#onInterrupted,
      isClosed: () => this.#connection.isClosed(),
    };
    return openTail(source, options, handler);
  }

  work(options: WorkOptions, handler: (message: WorkMessage) => void): Promise<Stoppable> {
    const declared = {
      durable_name: options.durable,
      ack_policy: AckPolicy.Explicit,
      ...(options.after === undefined
        ? { deliver_policy: DeliverPolicy.All }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: options.after + 1 }),
      ack_wait: nanos(options.ackWaitMs),
      max_ack_pending: options.pendingMax,
      ...(options.filter === undefined ? {} : { filter_subject: options.filter }),
    };
    return this.#ask(`work on ${options.stream}`, async ({ manager, jetStream }) => {
      await manager.consumers.add(options.stream, declared).catch(async (error: unknown) => {
        // With other settings than before (a changed `training.ackWaitMs`, say) the work goes on where it was. Servers
        // before 2.10 take that for an update by themselves.
        if (!isConsumerInUse(error)) throw error;
        await manager.consumers.update(options.stream, options.durable, declared);
      });
      const consumer = await jetStream.consumers.get(options.stream, options.durable);
      return workOn(consumer, options, handler, () => this.#connection.isClosed());
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

  endWork(stream: string, durable: string): Promise<void> {
    return this.#ask(`work on ${stream}`, async ({ manager }) => {
      await orUndefined(manager.consumers.delete(stream, durable));
    });
  }

  hasStream(stream: string): Promise<boolean> {
    return this.#ask(`stream ${stream}`, async ({ manager }) => {
      return (await orUndefined(manager.streams.info(stream))) !== undefined;
    });
  }

  streamState(stream: string): Promise<StreamState> {
    return this.#ask(`state of ${stream}`, async ({ manager }) => {
      const { state, config } = await manager.streams.info(stream);
      const ageMsMax = config.max_age / 1e6;
      const { first_seq: firstSequence, last_seq: lastSequence, messages, bytes } = state;
      return { firstSequence, lastSequence, messages, bytes, ageMsMax };
    });
  }

  /** What its account keeps on disk, streams of others on the same servers too. */
  storedStreams(timeoutMs: number): Promise<StoredStreams> {
    const what = 'list of streams';
    return this.#attempt(what, timeoutMs, (leftMs) =>
      within(systemClock, leftMs, what, this.#jsm().then(storedStreams)),
    );
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

  bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined> {
    return this.#records.bucketGet(bucket, key);
  }

  bucketPut(bucket: string, key: string, bytes: Uint8Array, options?: KeyOptions): Promise<void> {
    return this.#records.bucketPut(bucket, key, bytes, options);
  }

  bucketEntry(bucket: string, key: string, options?: KeyOptions): Promise<BucketEntry | undefined> {
    return this.#records.bucketEntry(bucket, key, options);
  }

  bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
    options?: KeyOptions,
  ): Promise<number> {
    return this.#records.bucketUpdate(bucket, key, bytes, revision, options);
  }

  requireBucketLeader(bucket: string, timeoutMs: number): Promise<void> {
    return this.#records.requireBucketLeader(bucket, timeoutMs);
  }

  bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable> {
    return this.#records.bucketWatch(bucket, pattern, handler);
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

  /** @see declareStream of runtime/nats/declare-stream.ts */
  declareStream(declaration: StreamDeclaration, placed: boolean): Promise<void> {
    return this.#declare(`stream ${declaration.name}`, (streams) =>
      declareStream(streams, declaration, placed),
    );
  }

  /** A longer message is refused from now on; undefined: none is too long. */
  setMessageBytesMax(stream: string, bytesMax: number | undefined): Promise<void> {
    return this.#declare(`stream ${stream}`, (streams) =>
      setMessageBytesMax(streams, stream, bytesMax ?? -1),
    );
  }

  /** As a stream; a bucket that is there keeps its place, and gets the number of copies. */
  declareBucket(declaration: BucketDeclaration, placed: boolean): Promise<void> {
    const { name, cluster, replicas } = declaration;
    return this.#declare(`bucket ${name}`, async (streams) => {
      await this.#records.open(name, {
        replicas,
        ...(placed ? { placementCluster: cluster } : {}),
      });
      await setReplicas(streams, `KV_${name}`, replicas);
    });
  }

  async flush(): Promise<void> {
    await this.#connection.flush();
  }

  async close(): Promise<void> {
    this.#standstill?.close();
    if (!this.#connection.isClosed()) await this.#connection.close();
  }

  /** Asks once: who waits hears at once when the server is lost, and a new one is waited for first. */
  async #attempt<T>(
    what: string,
    timeoutMs: number,
    send: (leftMs: number) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#inFlight.request(timeoutMs, send);
    } catch (error) {
      throw this.#failure(error, what);
    }
  }

  async #declare(what: string, run: (streams: StreamAPI) => Promise<void>): Promise<void> {
    try {
      await run((await this.#jsm()).streams);
    } catch (error) {
      throw this.#failure(error, what);
    }
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
}

/** The manager has it; its type does not say so. */
interface DirectReads {
  readonly direct: {
    getMessage(stream: string, query: { readonly seq: number }): Promise<StoredMsg>;
  };
}
