import type { Clock } from '../../core/base/clock.js';
import type { Random } from '../../core/base/random.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import type { Bus, CallCounts } from '../bus/bus.js';
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
import type { WorkMessage, WorkOptions, WorkState } from '../bus/work-queues.js';
import type { Stoppable } from '../stoppable.js';
import { DirectCall } from './direct-call.js';
import type { Neighbour, Neighbourhood, Route } from './neighbourhood.js';
import { Service } from './service.js';

/** Not delivered yet at one neighbour. Too low: a burst goes over the server. Too high: it works them off before all else. */
const lettersMax = 256;
/**
 * The connection of one actor of several in a process. A request goes directly to a neighbour who serves its subject, where
 * both are connected to the same server, the neighbour has room and was not late, and the server would let both; also if
 * others are in its queue group: the nearest first, as servers prefer their own data center. All else goes over the server:
 * what is asked again (somebody else may know better), what is too long, notices, logs, work and records.
 *
 * A neighbour is asked as from outside: by bytes, with a time that the caller waits, and it may refuse.
 */
export class NeighbourBus implements Bus {
  readonly names: ClusterNames;
  readonly clock: Clock;
  readonly random: Random;
  readonly #hood: Neighbourhood;
  readonly #self: Neighbour;
  readonly #bus: Bus;
  #countDirect = 0;
  #countOverServer = 0;
  #turn = 0;

  constructor(hood: Neighbourhood, self: Neighbour) {
    this.#hood = hood;
    this.#self = self;
    this.#bus = self.bus;
    this.names = self.bus.names;
    this.clock = self.bus.clock;
    this.random = self.bus.random;
  }

  get calls(): CallCounts | undefined {
    if (!this.#hood.wasShared) return undefined;
    return { direct: this.#countDirect, overServer: this.#countOverServer };
  }

  get payloadBytesMax(): number {
    return this.#bus.payloadBytesMax;
  }

  get server(): string | undefined {
    return this.#bus.server;
  }

  get dataCenter(): string | undefined {
    return this.#bus.dataCenter;
  }

  get home(): string | undefined {
    return this.#bus.home;
  }

  get away(): boolean {
    return this.#bus.away ?? false;
  }

  onMoved(listener: () => void): void {
    this.#bus.onMoved?.(listener);
  }

  request(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const route = this.#hood.routeOf(this.#self, subject);
    const { outbox } = this.#self;
    const service = this.#choose(route, bytes, options);
    if (!service) {
      const how = outbox.isWaiting ? this.#later : this.#overServer;
      return how.call(this, subject, bytes, options);
    }
    this.#countDirect++;
    const { timeoutMs } = options;
    const call = new DirectCall({
      ...{ hood: this.#hood, caller: this.#self, service, subject, bytes, timeoutMs },
      overServer: (leftMs) => {
        this.#countDirect--;
        return this.#overServer(subject, bytes, { ...options, timeoutMs: leftMs });
      },
    });
    outbox.send(service.owner, call);
    return call.answer;
  }

  publish(subject: string, bytes: Uint8Array): void {
    const { outbox } = this.#self;
    // Whoever sends it hears that it is refused.
    if (bytes.length > this.payloadBytesMax) return this.#bus.publish(subject, bytes);
    outbox.post(() => {
      outbox.goingAround(this.#hood.routeOf(this.#self, subject).concerned);
      this.#bus.publish(subject, bytes);
    });
  }

  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable {
    const { inbox } = this.#self;
    const unheard = this.#hears(subject);
    const subscription = this.#bus.subscribe(subject, (bytes, name) => {
      inbox.drain();
      handler(bytes, name);
    });
    return {
      stop: async () => {
        await subscription.stop();
        unheard();
      },
    };
  }

  serve(subject: string, options: ServeOptions, handler: RequestHandler): Stoppable {
    const { room = () => Infinity } = options;
    const { inbox, services } = this.#self;
    const service = new Service(this.clock, { owner: this.#self, subject, handler, room });
    services.add(service);
    const unheard = this.#hears(subject);
    const serving = this.#bus.serve(subject, options, (...request) => {
      inbox.drain();
      return handler(...request);
    });
    return {
      stop: async () => {
        services.delete(service);
        this.#hood.changed();
        await serving.stop();
        await service.idle();
        unheard();
      },
    };
  }

  async flush(): Promise<void> {
    await this.#self.outbox.sent();
    await this.#bus.flush();
  }

  async close(): Promise<void> {
    this.#self.outbox.giveUp();
    this.#hood.leave(this.#self);
    await this.#bus.close();
  }

  append(subject: string, bytes: Uint8Array, options?: AppendOptions): Promise<number> {
    return this.#bus.append(subject, bytes, options);
  }

  tail(
    options: TailOptions,
    handler: (message: StreamMessage) => void | Promise<void>,
  ): Promise<Tail> {
    return this.#bus.tail(options, handler);
  }

  streamState(stream: string): Promise<StreamState> {
    return this.#bus.streamState(stream);
  }

  subjects(stream: string, filter: string): Promise<string[]> {
    return this.#bus.subjects(stream, filter);
  }

  lastMessage(stream: string, subject: string): Promise<StreamMessage | undefined> {
    return this.#bus.lastMessage(stream, subject);
  }

  messageAt(stream: string, sequence: number): Promise<StreamMessage | undefined> {
    return this.#bus.messageAt(stream, sequence);
  }

  purge(stream: string, options: PurgeOptions): Promise<number> {
    return this.#bus.purge(stream, options);
  }

  work(options: WorkOptions, handler: (message: WorkMessage) => void): Promise<Stoppable> {
    return this.#bus.work(options, handler);
  }

  workState(stream: string, durable: string): Promise<WorkState> {
    return this.#bus.workState(stream, durable);
  }

  endWork(stream: string, durable: string): Promise<void> {
    return this.#bus.endWork(stream, durable);
  }

  bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined> {
    return this.#bus.bucketGet(bucket, key);
  }

  bucketPut(bucket: string, key: string, bytes: Uint8Array, options?: KeyOptions): Promise<void> {
    return this.#bus.bucketPut(bucket, key, bytes, options);
  }

  bucketEntry(bucket: string, key: string, options?: KeyOptions): Promise<BucketEntry | undefined> {
    return this.#bus.bucketEntry(bucket, key, options);
  }

  bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
    options?: KeyOptions,
  ): Promise<number> {
    return this.#bus.bucketUpdate(bucket, key, bytes, revision, options);
  }

  requireBucketLeader(bucket: string, timeoutMs: number): Promise<void> {
    return this.#bus.requireBucketLeader(bucket, timeoutMs);
  }

  bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable> {
    return this.#bus.bucketWatch(bucket, pattern, handler);
  }

  /** From now on the server may hand over what is sent to a subject, or was sent before. */
  #hears(subject: string): () => void {
    const heard = { subject };
    this.#self.heard.add(heard);
    this.#hood.changed();
    this.#hood.mayHear(this.#self);
    return () => {
      this.#self.heard.delete(heard);
      this.#hood.changed();
    };
  }

  /** Undefined: over the server. */
  #choose(
    { services }: Route,
    { length }: Uint8Array,
    { repeated = false, timeoutMs }: RequestOptions,
  ): Service | undefined {
    if (services.length === 0) return undefined;
    // It did not help at once, so nobody here is asked for a while.
    if (repeated) for (const service of services) service.wasLate();
    const { server, payloadBytesMax } = this.#bus;
    const isHere = server !== undefined && this.#self.waitingForServer === 0;
    if (!isHere || repeated || length > payloadBytesMax) return undefined;
    const first = this.#turn++;
    for (let i = 0; i < services.length; i++) {
      const service = services[(first + i) % services.length]!;
      if (this.#takes(service, server, timeoutMs)) return service;
    }
    return undefined;
  }

  #takes(service: Service, server: string, timeoutMs: number): boolean {
    const { owner } = service;
    const { outbox } = this.#self;
    if (owner.bus.server !== server || service.isAvoided || !outbox.isOpen(owner)) return false;
    if (owner.inbox.length < lettersMax && !service.isFull(timeoutMs)) return true;
    outbox.close(owner);
    return false;
  }

  #overServer(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    this.#countOverServer++;
    this.#self.outbox.goingAround(this.#hood.routeOf(this.#self, subject).concerned);
    const answer = this.#bus.request(subject, bytes, options);
    return this.#bus.server === undefined ? this.#held(answer) : answer;
  }

  /** Behind what waits. */
  #later(subject: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const endMs = this.clock.nowMs() + options.timeoutMs;
    return new Promise((resolve) =>
      this.#self.outbox.post(() => {
        const timeoutMs = Math.max(1, endMs - this.clock.nowMs());
        resolve(this.#overServer(subject, bytes, { ...options, timeoutMs }));
      }),
    );
  }

  /** Sent when there is a server again, and nobody hears when that is. */
  async #held(answer: Promise<Uint8Array>): Promise<Uint8Array> {
    const self = this.#self;
    self.waitingForServer++;
    try {
      return await answer;
    } finally {
      self.waitingForServer--;
    }
  }
}
