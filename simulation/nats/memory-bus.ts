import type { Clock } from '../../core/base/clock.js';
import { codeOf, StarlingError } from '../../core/base/errors.js';
import type { Random } from '../../core/base/random.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type {
  AppendOptions,
  PurgeOptions,
  StreamMessage,
  StreamState,
  Tail,
  TailOptions,
} from '../../runtime/bus/logs.js';
import type { BucketEntry, KeyOptions } from '../../runtime/bus/records.js';
import type { RequestHandler, RequestOptions, ServeOptions } from '../../runtime/bus/requests.js';
import type { WorkMessage, WorkOptions, WorkState } from '../../runtime/bus/work-queues.js';
import { InFlight } from '../../runtime/in-flight.js';
import { retry, type RetryPolicy } from '../../runtime/retry.js';
import { Standstill } from '../../runtime/standstill.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { within } from '../../runtime/time-limit.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import type { Delivered, Subscription } from './interest.js';
import { MemoryAsker, nobody } from './memory-asker.js';
import { MemoryTail } from './memory-tail.js';
import { MemoryWatch } from './memory-watch.js';
import type { MemoryStream } from './memory-stream.js';
import type { Connection, MemoryServers } from './memory-servers.js';
import { MemoryWork } from './memory-work.js';
import { MemoryWorker } from './memory-worker.js';

export interface MemoryBusOptions {
  readonly servers: MemoryServers;
  readonly process: SimulatedProcess;
  readonly names: ClusterNames;
  /** Home first. */
  readonly dataCenters: readonly string[];
}

/** As those of the bus that speaks to NATS. */
const appendMsMax = 10_000;
const connectMsMax = 5_000;
const keyMsMax = 3_000;
const askMsMax = 4_000;
const askPolicy: RetryPolicy = { attemptsMax: 8, baseMs: 1_000, capMs: 8_000 };

/** A connection to servers in memory, of one simulated process. */
export class MemoryBus implements Bus, Connection {
  readonly id: string;
  readonly names: ClusterNames;
  readonly process: SimulatedProcess;
  readonly dataCenters: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly payloadBytesMax = 1024 * 1024;
  readonly serverVersion = 'simulated';
  readonly #servers: MemoryServers;
  readonly #inFlight: InFlight;
  readonly #asker: MemoryAsker;
  readonly #subscriptions = new Set<Subscription>();
  readonly #moveListeners: (() => void)[] = [];
  #opened: () => void = () => undefined;
  readonly #open: Promise<void>;
  /** Have to begin anew at another server. */
  readonly #followers = new Set<{ reopen(): void }>();
  #lastServer: string | undefined;
  /** Since it serves anything. */
  #standstill: Standstill | undefined;
  #closed = false;

  constructor({ servers, process, names, dataCenters }: MemoryBusOptions) {
    this.id = servers.nextConnectionId();
    this.names = names;
    this.process = process;
    this.clock = process.clock;
    this.random = process.random;
    this.dataCenters = dataCenters;
    this.#servers = servers;
    this.#inFlight = new InFlight(process.clock);
    this.#inFlight.hold();
    const { clock } = this;
    this.#asker = new MemoryAsker({ servers, connection: this, clock, inFlight: this.#inFlight });
    this.#open = new Promise((resolve) => (this.#opened = resolve));
    process.onDeath(() => servers.died(this));
    servers.connect(this);
  }

  /** As who connects to NATS waits for a server, and no longer. @throws StarlingError UNAVAILABLE */
  async opened(): Promise<this> {
    const what = 'connection';
    try {
      await within(this.clock, connectMsMax, what, this.#open);
      return this;
    } catch {
      throw new StarlingError('UNAVAILABLE', `${what}: no server answers.`);
    }
  }

  get server(): string | undefined {
    return this.#inFlight.isHeld || this.#closed ? undefined : this.#servers.serverOf(this);
  }

  get dataCenter(): string | undefined {
    return this.#servers.serverOf(this) ?? this.#lastServer;
  }

  get home(): string {
    return this.dataCenters[0]!;
  }

  get away(): boolean {
    return this.dataCenter !== undefined && this.dataCenter !== this.home;
  }

  onMoved(listener: () => void): void {
    this.#moveListeners.push(listener);
  }

  /** Its server is gone: nobody will answer those who wait. */
  lost(): void {
    this.#inFlight.hold();
    this.#inFlight.lose();
  }

  arrived(): void {
    const isFirst = this.#lastServer === undefined;
    this.#lastServer = this.#servers.serverOf(this);
    for (const each of this.#subscriptions) this.#servers.interest.add(each);
    this.#opened();
    this.#inFlight.release();
    for (const each of this.#followers) each.reopen();
    if (!isFirst) for (const listener of this.#moveListeners) listener();
  }

  /** Has the server of a data center do something: for what follows something. @throws StarlingError */
  ask<T>(dataCenter: string, timeoutMs: number, what: string, run: () => T): Promise<T> {
    return this.#asker.ask(() => dataCenter, timeoutMs, what, run);
  }

  request(subject: string, bytes: Uint8Array, { timeoutMs }: RequestOptions): Promise<Uint8Array> {
    return this.#asker.request(subject, bytes, timeoutMs);
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.#servers.post(this, undefined, () => {
      const server = this.#servers.serverOf(this);
      if (server === undefined) return;
      const name = this.#servers.mapped(subject, server);
      this.#servers.route(server, { subject: name, bytes });
      this.#keep(name, bytes);
    });
  }

  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable {
    return this.#listen(subject, undefined, (message) => handler(message.bytes, message.subject));
  }

  serve(subject: string, { queue }: ServeOptions, handler: RequestHandler): Stoppable {
    const standstill = (this.#standstill ??= new Standstill(this.clock, () => this.flush()));
    let pending = 0;
    let idle: (() => void) | undefined;
    const listening = this.#listen(subject, queue, ({ subject: name, bytes, timeout, respond }) => {
      const { timeMs: sinceMs, overdueMs: waitedMs } = this.process;
      pending++;
      this.#inFlight.begin();
      void Promise.resolve(handler(bytes, name, timeout, standstill.waitedMs)).then((reply) => {
        respond?.(this, reply);
        const served = { subject: name, timeout, sinceMs, waitedMs, reply };
        this.#servers.onServed?.({ responder: this, ...served });
        this.#inFlight.end();
        if (--pending === 0) idle?.();
      });
    });
    return {
      stop: async () => {
        await listening.stop();
        if (pending > 0) await new Promise<void>((resolve) => (idle = resolve));
      },
    };
  }

  async append(subject: string, bytes: Uint8Array, options: AppendOptions = {}): Promise<number> {
    const { timeoutMs = appendMsMax } = options;
    // By the server that it is connected to when it is sent.
    const target = (): { readonly stream: MemoryStream | undefined; readonly name: string } => {
      const name = this.#servers.mapped(subject, this.dataCenter ?? this.home);
      return { stream: this.#servers.streamOf(name), name };
    };
    let chosen = target();
    const place = (): string => (chosen = target()).stream?.declaration.cluster ?? this.home;
    return this.#asker.ask(place, timeoutMs, `append to ${subject}`, () => {
      const { stream, name } = chosen;
      if (!stream) throw nobody(`append to ${name}`);
      const sequence = stream.append(name, bytes, options, this.#servers.wallMs);
      options.stored?.(stream.declaration.name);
      return sequence;
    });
  }

  async tail(
    options: TailOptions,
    handler: (message: StreamMessage) => void | Promise<void>,
  ): Promise<Tail> {
    const stream = this.#servers.stream(options.stream);
    const tail = new MemoryTail(this, this.#servers, stream, options, handler);
    await this.#patiently(() => tail.open());
    return { caughtUp: tail.caughtUp, ...this.#follow(tail) };
  }

  async work(options: WorkOptions, handler: (message: WorkMessage) => void): Promise<Stoppable> {
    const { stream: name, durable } = options;
    const stream = this.#servers.stream(name);
    const worker = new MemoryWorker(this, this.#servers, stream, handler);
    await this.#patiently(() =>
      this.ask(stream.declaration.cluster, askMsMax, `work on ${name}`, () => {
        const make = (): MemoryWork => new MemoryWork(this.#servers, stream, options);
        worker.join(this.#servers.workOn(name, durable, make));
      }),
    );
    return this.#follow(worker);
  }

  workState(stream: string, durable: string): Promise<WorkState> {
    return this.#inquire(
      stream,
      () => this.#servers.work(stream, durable)?.state() ?? { acknowledged: 0, left: 0 },
    );
  }

  endWork(stream: string, durable: string): Promise<void> {
    const { cluster } = this.#servers.stream(stream).declaration;
    return this.ask(cluster, askMsMax, `work on ${stream}`, () =>
      this.#servers.endWork(stream, durable),
    );
  }

  streamState(stream: string): Promise<StreamState> {
    return this.#inquire(stream, () => this.#servers.stream(stream).state());
  }

  subjects(stream: string, filter: string): Promise<string[]> {
    return this.#inquire(stream, () => this.#servers.stream(stream).subjects(filter));
  }

  lastMessage(stream: string, subject: string): Promise<StreamMessage | undefined> {
    return this.#inquire(stream, () => this.#servers.stream(stream).last(subject));
  }

  messageAt(stream: string, sequence: number): Promise<StreamMessage | undefined> {
    return this.#inquire(stream, () => this.#servers.stream(stream).at(sequence));
  }

  async purge(stream: string, options: PurgeOptions): Promise<number> {
    const { cluster } = this.#servers.stream(stream).declaration;
    return this.ask(cluster, appendMsMax, `purge of ${stream}`, () =>
      this.#servers.stream(stream).purge(options),
    );
  }

  bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined> {
    return this.#atKey(bucket, key, undefined, (entries) => entries.get(key)?.bytes);
  }

  async bucketPut(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    options?: KeyOptions,
  ): Promise<void> {
    await this.#atKey(bucket, key, options, (entries) => entries.put(key, bytes));
  }

  bucketEntry(bucket: string, key: string, options?: KeyOptions): Promise<BucketEntry | undefined> {
    return this.#atKey(bucket, key, options, (entries) =>
      entries.get(key, this.#servers.readBehindMs),
    );
  }

  bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
    options?: KeyOptions,
  ): Promise<number> {
    return this.#atKey(bucket, key, options, (entries) => entries.update(key, bytes, revision));
  }

  async requireBucketLeader(bucket: string, timeoutMs: number): Promise<void> {
    const { dataCenter } = this.#servers.bucket(bucket);
    await this.ask(dataCenter, timeoutMs, `leader of bucket ${bucket}`, () => undefined);
  }

  async bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable> {
    const { dataCenter, bucket: entries } = this.#servers.bucket(bucket);
    const watch = new MemoryWatch(this, dataCenter, entries, pattern, handler);
    await this.#patiently(() => watch.open());
    return this.#follow(watch);
  }

  async flush(): Promise<void> {
    const server = this.dataCenter;
    if (server !== undefined) await this.ask(server, askMsMax, 'flush', () => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#standstill?.close();
    this.#servers.close(this);
    this.#inFlight.release();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Tries as long as the bus that speaks to NATS does. */
  #patiently<T>(run: () => Promise<T>): Promise<T> {
    return retry(this, askPolicy, run);
  }

  #inquire<T>(stream: string, run: () => T): Promise<T> {
    const { cluster } = this.#servers.stream(stream).declaration;
    return this.#patiently(() => this.ask(cluster, askMsMax, `question about ${stream}`, run));
  }

  #atKey<T>(
    name: string,
    key: string,
    options: KeyOptions | undefined,
    run: (bucket: ReturnType<MemoryServers['bucket']>['bucket']) => T,
  ): Promise<T> {
    const { dataCenter, bucket } = this.#servers.bucket(name);
    const timeoutMs = Math.min(keyMsMax, options?.timeoutMs ?? keyMsMax);
    return this.ask(dataCenter, timeoutMs, `bucket ${name}, key ${key}`, () => run(bucket));
  }

  #follow(follower: Stoppable & { reopen(): void }): Stoppable {
    this.#followers.add(follower);
    return {
      stop: async () => {
        this.#followers.delete(follower);
        await follower.stop();
      },
    };
  }

  #listen(
    pattern: string,
    queue: string | undefined,
    take: (message: Delivered) => void,
  ): Stoppable {
    let open = true;
    const subscription: Subscription = {
      pattern,
      queue,
      connection: this,
      take: (message) => {
        if (open) take(message);
      },
    };
    this.#subscriptions.add(subscription);
    this.#servers.post(this, undefined, () => {
      if (this.#subscriptions.has(subscription)) this.#servers.interest.add(subscription);
    });
    return {
      stop: async () => {
        this.#subscriptions.delete(subscription);
        this.#servers.interest.remove(subscription);
        // What was handed over before is still on its way.
        await this.flush().catch((error: unknown) => {
          if (codeOf(error) === 'INTERNAL') throw error; // Else the server is gone, and with it what it had sent.
        });
        open = false;
      },
    };
  }

  /** What is published to a subject of a stream is kept, whether or not it was meant to be acknowledged. */
  #keep(subject: string, bytes: Uint8Array): void {
    const stream = this.#servers.streamOf(subject);
    if (!stream || !this.#servers.isUp(stream.declaration.cluster)) return;
    try {
      stream.append(subject, bytes, {}, this.#servers.wallMs);
    } catch (error) {
      // Nobody waits for the acknowledgement that says so.
      if (codeOf(error) !== 'STORAGE_FULL') throw error;
    }
  }
}
