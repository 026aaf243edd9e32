import { StarlingError } from '../../core/base/errors.js';
import type { StreamDeclaration } from '../../messages/declared-streams.js';
import { beginsAtMs, type SimulatedProcess } from '../time/simulated-process.js';
import type { SeededRandom } from '../time/seeded-random.js';
import { Trace } from '../time/trace.js';
import type { VirtualTime } from '../time/virtual-time.js';
import { Interest, type Delivered, type Subscription } from './interest.js';
import { MemoryBucket } from './memory-bucket.js';
import { MemorySource } from './memory-source.js';
import { MemoryStream } from './memory-stream.js';
import type { MemoryWork } from './memory-work.js';
import type { Hop, Network } from './network.js';

/** A client, as the servers see it. */
export interface Connection {
  readonly id: string;
  readonly process: SimulatedProcess;
  /** Data centers in the order of its preference; home first. */
  readonly dataCenters: readonly string[];
  /** Hears that its server is gone. */
  lost(): void;
  /** Hears that it is connected, to the same server again or to another. */
  arrived(): void;
}

/** A request that was answered. */
export interface Served {
  readonly responder: Connection;
  readonly subject: string;
  readonly timeout: string | undefined;
  /** By the time of the simulation. */
  readonly sinceMs: number;
  /** How long it had to wait before, as the responder stood still. */
  readonly waitedMs: number;
  readonly reply: Uint8Array;
}

interface Session {
  readonly server: string;
  /** Nothing of it arrives later: it was cut off in the middle. */
  endMs: number;
  /** What was sent before arrives then, also of who has died meanwhile: the system sends what it was given. */
  stalledUntilMs: number;
}

export interface ServersOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly dataCenters: readonly string[];
  /** What a server makes of the subject that a client names, as the mappings of its account say. Default: the same. */
  readonly mapped?: (subject: string, dataCenter: string) => string;
}

/** Between the loss of a server and the next attempt to find one. */
const reconnectMs = { from: 60, to: 300 } as const;
/** Home must be there for so long before those who are away come back. */
const calmMs = 3_000;

/** The servers of all data centers, one each: who is connected to them, who wants to hear what, and what they keep. */
export class MemoryServers {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly dataCenters: readonly string[];
  readonly mapped: (subject: string, dataCenter: string) => string;
  readonly trace = new Trace();
  readonly interest = new Interest();
  readonly #down = new Set<string>();
  /** By data center: what it has not looked at yet. */
  readonly #hung = new Map<string, (() => void)[]>();
  readonly #sessions = new Map<Connection, Session>();
  readonly #streams = new Map<string, MemoryStream>();
  readonly #buckets = new Map<
    string,
    { readonly dataCenter: string; readonly bucket: MemoryBucket }
  >();
  readonly #work = new Map<string, MemoryWork>();
  readonly #sources: MemorySource[] = [];
  #connections = 0;
  /** Hears every answer at the moment at which it is given, whether or not it arrives. */
  onAnswer:
    | ((responder: Connection, subject: string, request: Uint8Array, reply: Uint8Array) => void)
    | undefined;
  /** Hears how long each answer took, from when the request was handed over. */
  onServed: ((served: Served) => void) | undefined;
  /** Hears what is asked of a server or of others, just when it has been sent. */
  onAsked: ((asker: Connection, what: string) => void) | undefined;
  /** Hear of it just before it is sent. */
  readonly onAsking = new Set<(asker: Connection, what: string) => void>();
  /** What clients were refused with, how often. */
  readonly codes = new Map<string, number>();
  /** Of what a server has done, so much is not acknowledged: part of all, in [0, 1]. */
  answersLost = 0;
  /** Reads of a bucket that a copy answers which is behind. Changes are taken by the one that leads. */
  staleReads: { readonly share: number; readonly behindMsMax: number } | undefined;

  constructor({ time, random, network, dataCenters, mapped }: ServersOptions) {
    this.mapped = mapped ?? ((subject) => subject);
    this.time = time;
    this.random = random;
    this.network = network;
    this.dataCenters = dataCenters;
  }

  /** Milliseconds since 1970, by the clocks of the servers, which are right. */
  get wallMs(): number {
    return beginsAtMs + this.time.nowMs;
  }

  nextConnectionId(): string {
    return `c${this.#connections++}`;
  }

  get streams(): readonly MemoryStream[] {
    return [...this.#streams.values()];
  }

  isUp(dataCenter: string): boolean {
    return !this.#down.has(dataCenter);
  }

  /** SIGKILL: what it has stored stays; who was connected finds out soon. */
  stop(dataCenter: string): void {
    if (this.#down.has(dataCenter)) return;
    this.#down.add(dataCenter);
    this.#hung.delete(dataCenter);
    for (const [connection, { server }] of [...this.#sessions])
      if (server === dataCenter) this.#disconnect(connection);
  }

  start(dataCenter: string): void {
    this.#down.delete(dataCenter);
    this.time.at(this.time.nowMs + calmMs, undefined, () => this.#callHome(dataCenter));
  }

  /** SIGSTOP: connections stay, and nothing is answered. */
  hang(dataCenter: string): void {
    if (!this.#hung.has(dataCenter)) this.#hung.set(dataCenter, []);
  }

  wake(dataCenter: string): void {
    const waiting = this.#hung.get(dataCenter) ?? [];
    this.#hung.delete(dataCenter);
    for (const run of waiting) this.time.at(this.time.nowMs, undefined, run);
  }

  /** A connection breaks, as by a switch that was pulled out; it finds its server again. */
  interrupt(connection: Connection): void {
    if (this.#sessions.has(connection)) this.#disconnect(connection);
  }

  /** What it sends is on its way for so long; what is sent to it is not. */
  stall(connection: Connection, ms: number): void {
    const session = this.#sessions.get(connection);
    if (!session) return;
    const { server } = session;
    session.stalledUntilMs = this.time.nowMs + ms;
    this.network.hold([`${server}/${connection.id}`, server], session.stalledUntilMs);
  }

  /** No room for anything more, in its streams and its bucket. */
  setFull(dataCenter: string, full: boolean): void {
    for (const stream of this.#streams.values())
      if (stream.declaration.cluster === dataCenter) stream.full = full;
    for (const { dataCenter: place, bucket } of this.#buckets.values())
      if (place === dataCenter) bucket.full = full;
  }

  /** Somebody was refused with it. */
  refused(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  get connections(): readonly Connection[] {
    return [...this.#sessions.keys()];
  }

  /** To the first of its data centers that has a server; it is told when it has arrived. */
  connect(connection: Connection): void {
    if (!connection.process.alive) return;
    const server = connection.dataCenters.find((name) => this.isUp(name));
    if (server === undefined) return this.#reconnectLater(connection);
    const session: Session = { server, endMs: Infinity, stalledUntilMs: 0 };
    this.#sessions.set(connection, session);
    this.#seen(server, () =>
      connection.process.after(0, () => {
        if (this.#sessions.get(connection) === session) connection.arrived();
      }),
    );
  }

  /** For good. */
  close(connection: Connection): void {
    this.#sessions.delete(connection);
    this.interest.removeAllOf(connection);
  }

  /** It died: what it has just sent may be on its way, and may not. */
  died(connection: Connection): void {
    const session = this.#sessions.get(connection);
    if (session)
      session.endMs = Math.max(
        this.time.nowMs + this.random.between(0, 0.4),
        session.stalledUntilMs,
      );
    this.close(connection);
  }

  serverOf(connection: Connection): string | undefined {
    return this.#sessions.get(connection)?.server;
  }

  /** From a client to the server of a data center, by way of its own. */
  post(connection: Connection, dataCenter: string | undefined, run: () => void): void {
    const session = this.#sessions.get(connection);
    if (!session) return;
    const { server } = session;
    const place = dataCenter ?? server;
    const near: Hop = [`${server}/${connection.id}`, server];
    const atMs = this.network.arrivalMs(place === server ? [near] : [near, [server, place]]);
    if (atMs === undefined) return;
    const arrive = (): void => {
      if (atMs <= session.endMs && this.isUp(server) && this.isUp(place)) run();
    };
    this.time.at(atMs, undefined, () => this.#seen(server, () => this.#seen(place, arrive)));
  }

  /** From the server of a data center to a client, by way of its own. @param onLost on the way, which the client learns late. */
  deliver(dataCenter: string, connection: Connection, run: () => void, onLost?: () => void): void {
    const session = this.#sessions.get(connection);
    if (!session || !this.isUp(dataCenter)) return onLost?.();
    const hung = this.#hung.get(dataCenter);
    if (hung) return void hung.push(() => this.deliver(dataCenter, connection, run, onLost));
    const { server } = session;
    const near: Hop = [server, `${server}/${connection.id}`];
    const hops: Hop[] = dataCenter === server ? [near] : [[dataCenter, server], near];
    const atMs = this.network.arrivalMs(hops);
    if (atMs === undefined) return onLost?.();
    this.time.at(atMs, connection.process, () => {
      if (this.#sessions.get(connection) === session) run();
      else onLost?.();
    });
  }

  /** As a server hands on what was published there; returns how many will hear it. */
  route(server: string, message: Delivered): number {
    const chosen = this.interest.receivers(message.subject, (members) =>
      this.#oneOf(server, members),
    );
    this.note(`${server}: ${message.subject} to ${chosen.length}`, message.bytes);
    for (const subscription of chosen) {
      this.deliver(server, subscription.connection, () => subscription.take(message));
    }
    return chosen.length;
  }

  /** So much does the copy lag that answers a read now. */
  get readBehindMs(): number {
    if (!this.staleReads || !this.random.happens(this.staleReads.share)) return 0;
    return this.random.between(0, this.staleReads.behindMsMax);
  }

  /** Into the trace, with the time. */
  note(what: string, bytes?: Uint8Array): void {
    this.trace.note(this.time.nowMs, what, bytes);
  }

  declare(declaration: StreamDeclaration): MemoryStream {
    const stream = new MemoryStream(declaration);
    this.#streams.set(declaration.name, stream);
    stream.onAppend(({ sequence, subject, bytes }) =>
      this.note(`${declaration.name} #${sequence} ${subject}`, bytes),
    );
    for (const { stream: source, subject } of declaration.sources ?? [])
      this.#sources.push(new MemorySource(this, { source, subject, into: stream }));
    return stream;
  }

  declareBucket(name: string, dataCenter: string): void {
    this.#buckets.set(name, { dataCenter, bucket: new MemoryBucket(this, dataCenter) });
  }

  bucket(name: string): { readonly dataCenter: string; readonly bucket: MemoryBucket } {
    const found = this.#buckets.get(name);
    if (!found) throw new StarlingError('UNAVAILABLE', `there is no bucket ${name}.`);
    return found;
  }

  stream(name: string): MemoryStream {
    const found = this.#streams.get(name);
    if (!found) throw new StarlingError('UNAVAILABLE', `there is no stream ${name}.`);
    return found;
  }

  /** That takes messages of this subject. */
  streamOf(subject: string): MemoryStream | undefined {
    for (const stream of this.#streams.values()) if (stream.takes(subject)) return stream;
    return undefined;
  }

  work(stream: string, durable: string): MemoryWork | undefined {
    return this.#work.get(`${stream} ${durable}`);
  }

  /** Whoever shares it is given nothing more. */
  endWork(stream: string, durable: string): void {
    this.work(stream, durable)?.end();
    this.#work.delete(`${stream} ${durable}`);
  }

  workOn(stream: string, durable: string, make: () => MemoryWork): MemoryWork {
    const found = this.work(stream, durable);
    if (found) return found;
    const made = make();
    this.#work.set(`${stream} ${durable}`, made);
    return made;
  }

  /** By a server, when it looks. */
  #seen(dataCenter: string, run: () => void): void {
    const hung = this.#hung.get(dataCenter);
    if (hung) hung.push(run);
    else run();
  }

  /** Its own data center first, as queue groups do. */
  #oneOf(server: string, members: readonly Subscription[]): Subscription | undefined {
    const there = members.filter(({ connection }) => this.#sessions.has(connection));
    const near = there.filter(({ connection }) => this.serverOf(connection) === server);
    const from = near.length > 0 ? near : there;
    return from.length === 0 ? undefined : this.random.pick(from);
  }

  #disconnect(connection: Connection): void {
    this.#sessions.delete(connection);
    connection.process.after(this.random.between(0, 20), () => connection.lost());
    this.#reconnectLater(connection);
  }

  #reconnectLater(connection: Connection): void {
    const { from, to } = reconnectMs;
    connection.process.after(this.random.between(from, to), () => {
      if (!this.#sessions.has(connection)) this.connect(connection);
    });
  }

  #callHome(dataCenter: string): void {
    if (!this.isUp(dataCenter)) return;
    for (const [connection, { server }] of [...this.#sessions]) {
      if (server === dataCenter || connection.dataCenters[0] !== dataCenter) continue;
      this.#disconnect(connection);
    }
  }
}
