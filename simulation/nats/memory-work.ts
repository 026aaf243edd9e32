import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { WorkOptions, WorkState } from '../../runtime/bus/work-queues.js';
import type { Connection, MemoryServers } from './memory-servers.js';
import type { MemoryStream } from './memory-stream.js';

export interface WorkMember {
  readonly connection: Connection;
  take(message: StreamMessage, deliveries: number): void;
  /** Whether it says that it still works on the message. */
  hasInHand(sequence: number): boolean;
}

interface Pending {
  deliveries: number;
  member: WorkMember | undefined;
  /** Counts the times that it was handed out or given back, so that an old timer says nothing. */
  turn: number;
}

/** Whose work takes so many times as long as the server waits has forgotten the message. */
const waitsMax = 12;

/** A durable consumer: each message goes to one member until it is acknowledged. */
export class MemoryWork {
  readonly #servers: MemoryServers;
  readonly #stream: MemoryStream;
  readonly #options: WorkOptions;
  readonly #members = new Set<WorkMember>();
  readonly #pending = new Map<number, Pending>();
  /** Given back, or not acknowledged in time. */
  readonly #again: number[] = [];
  #next: number;

  constructor(servers: MemoryServers, stream: MemoryStream, options: WorkOptions) {
    this.#servers = servers;
    this.#stream = stream;
    this.#options = options;
    this.#next = (options.after ?? 0) + 1;
    stream.onAppend(() => this.#handOut());
  }

  get #dataCenter(): string {
    return this.#stream.declaration.cluster;
  }

  join(member: WorkMember): void {
    this.#members.add(member);
    this.#handOut();
  }

  leave(member: WorkMember): void {
    this.#members.delete(member);
  }

  end(): void {
    this.#members.clear();
  }

  ack(sequence: number): void {
    this.#pending.delete(sequence);
    this.#handOut();
  }

  nak(sequence: number, delayMs: number): void {
    const pending = this.#pending.get(sequence);
    if (!pending) return;
    const turn = ++pending.turn;
    pending.member = undefined;
    this.#after(delayMs, () => {
      if (this.#pending.get(sequence)?.turn === turn) this.#giveAgain(sequence);
    });
  }

  state(): WorkState {
    // What has gone from the log is nobody's work any more, as it is with a server.
    const open = [...this.#pending.keys()].filter((sequence) => this.#stream.at(sequence));
    const left = open.length + this.#stream.countFrom(this.#next, this.#options.filter);
    return { acknowledged: Math.min(this.#next, ...open) - 1, left };
  }

  #handOut(): void {
    for (;;) {
      const again = this.#again[0];
      const fresh = again === undefined ? this.#fresh() : undefined;
      const message = again === undefined ? fresh : this.#stream.at(again);
      if (again !== undefined && !message) {
        // It was removed from the stream meanwhile.
        this.#again.shift();
        this.#pending.delete(again);
        continue;
      }
      const member = message && this.#oneMember();
      if (!member) return;
      if (again === undefined) this.#next = message.sequence + 1;
      else this.#again.shift();
      this.#give(message, member);
    }
  }

  #fresh(): StreamMessage | undefined {
    if (this.#pending.size >= this.#options.pendingMax) return undefined;
    return this.#stream.next(this.#next, this.#options.filter);
  }

  #oneMember(): WorkMember | undefined {
    const there = [...this.#members].filter((member) => {
      if (!member.connection.process.alive) this.#members.delete(member);
      return this.#servers.serverOf(member.connection) !== undefined;
    });
    return there.length === 0 ? undefined : this.#servers.random.pick(there);
  }

  #give(message: StreamMessage, member: WorkMember): void {
    const { sequence } = message;
    const known = this.#pending.get(sequence);
    const pending = known ?? { deliveries: 0, member, turn: 0 };
    pending.member = member;
    pending.deliveries++;
    const turn = ++pending.turn;
    this.#pending.set(sequence, pending);
    const { deliveries } = pending;
    this.#servers.deliver(this.#dataCenter, member.connection, () =>
      member.take(message, deliveries),
    );
    this.#watch(sequence, turn, 1);
  }

  /** Somebody else gets it when its worker does not say that it goes on. */
  #watch(sequence: number, turn: number, waits: number): void {
    this.#after(this.#options.ackWaitMs, () => {
      const pending = this.#pending.get(sequence);
      if (!pending || pending.turn !== turn) return;
      if (waits < waitsMax && this.#isWorkedOn(sequence, pending.member))
        return this.#watch(sequence, turn, waits + 1);
      pending.turn++;
      this.#giveAgain(sequence);
    });
  }

  #isWorkedOn(sequence: number, member: WorkMember | undefined): boolean {
    if (!member || !this.#members.has(member)) return false;
    const { connection } = member;
    const there = connection.process.alive && !connection.process.paused;
    return there && this.#servers.serverOf(connection) !== undefined && member.hasInHand(sequence);
  }

  #giveAgain(sequence: number): void {
    this.#again.push(sequence);
    this.#handOut();
    // Nobody is there: whoever joins gets it.
  }

  #after(ms: number, run: () => void): void {
    const { time } = this.#servers;
    time.at(time.nowMs + ms, undefined, run);
  }
}
