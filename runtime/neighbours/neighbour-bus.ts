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
/** For so long after a neighbour had no room. Too low: the way changes with each call. Too high: it idles, as others are asked. */
const fullMs = 100;

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
  #direct = 0;
  #overServer = 0;
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
    return { direct: this.#direct, overServer: this.#overServer };
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
    const overServer = (timeoutMs: number) =>
      this.#requestOverServer(subject, bytes, { ...options, timeoutMs });
    const service = this.#choose(route, bytes, options);
    if (!service) return overServer(options.timeoutMs);
    this.#direct++;
    const { timeoutMs } = options;
    const call = new DirectCall({
      ...{ hood: this.#hood, caller: this.#self, service, subject, bytes, timeoutMs },
      overServer: (leftMs) => {
        this.#direct--;
        return overServer(leftMs);
      },
    });
    this.#self.wayTo(service.owner).send(call);
    return call.answer;
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.#goAround(this.#hood.routeOf(this.#self, subject));
    this.#bus.publish(subject, bytes);
  }

  subscribe(subject: string, handler: (bytes: Uint8Array, subject: string) => void): Stoppable {
    const heard = { subject };
    const { inbox } = this.#self;
    this.#self.heard.add(heard);
    this.#hood.changed();
    const subscription = this.#bus.subscribe(subject, (bytes, name) => {
      inbox.drain();
      handler(bytes, name);
    });
    return {
      stop: async () => {
        this.#self.heard.delete(heard);
        this.#hood.changed();
        await subscription.stop();
      },
    };
  }

  serve(subject: string, options: ServeOptions, handler: RequestHandler): Stoppable {
    const { room = () => Infinity } = options;
    const { inbox } = this.#self;
    const service = new Service(this.clock, { owner: this.#self, subject, handler, room });
    this.#self.services.add(service);
    this.#hood.changed();
    const serving = this.#bus.serve(subject, options, (...request) => {
      inbox.drain();
      return handler(...request);
    });
    return {
      stop: async () => {
        this.#self.services.delete(service);
        this.#hood.changed();
        await serving.stop();
        await service.idle();
      },
    };
  }

  async flush(): Promise<void> {
    await this.#bus.flush();
  }

  async close(): Promise<void> {
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

  /** Undefined: over the server. */
  #choose(
    { services }: Route,
    { length }: Uint8Array,
    { repeated = false }: RequestOptions,
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
      if (this.#takes(service, server)) return service;
    }
    return undefined;
  }

  #takes(service: Service, server: string): boolean {
    const { owner } = service;
    const way = this.#self.wayTo(owner);
    if (owner.bus.server !== server || service.isAvoided || !way.isOpen) return false;
    if (owner.inbox.length < lettersMax && !service.isFull) return true;
    way.close(fullMs);
    return false;
  }

  #requestOverServer(
    subject: string,
    bytes: Uint8Array,
    options: RequestOptions,
  ): Promise<Uint8Array> {
    this.#overServer++;
    this.#goAround(this.#hood.routeOf(this.#self, subject));
    const answer = this.#bus.request(subject, bytes, options);
    return this.#bus.server === undefined ? this.#held(answer) : answer;
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

  #goAround({ concerned }: Route): void {
    for (const neighbour of concerned) this.#self.wayTo(neighbour).goAround();
  }
}
