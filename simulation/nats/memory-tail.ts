import type { StreamMessage, TailOptions } from '../../runtime/bus/logs.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { MemoryBus } from './memory-bus.js';
import type { MemoryServers } from './memory-servers.js';
import type { MemoryStream } from './memory-stream.js';

type Handler = (message: StreamMessage) => void | Promise<void>;

/** Until the client misses the heartbeat of the server. */
const silenceMs = { from: 1_000, to: 2_000 } as const;
const openMsMax = 4_000;

/** Follows a stream in order and without gaps: what gets lost on the way is asked for again. */
export class MemoryTail implements Stoppable {
  readonly #bus: MemoryBus;
  readonly #servers: MemoryServers;
  readonly #stream: MemoryStream;
  readonly #options: TailOptions;
  readonly #handler: Handler;
  /** Resolves once all that was there at first is handled, but for what has gone meanwhile. */
  readonly caughtUp: Promise<void>;
  #announce!: () => void;
  /** Sequence of the last message that was there at first; 0: there was none. */
  #end = 0;
  /** The life of what the server sends; of an earlier one nothing is taken. */
  #life = 0;
  #next = 1;
  #last: number | undefined;
  #forget: () => void = () => undefined;
  #handled: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    bus: MemoryBus,
    servers: MemoryServers,
    stream: MemoryStream,
    options: TailOptions,
    handler: Handler,
  ) {
    this.#bus = bus;
    this.#servers = servers;
    this.#stream = stream;
    this.#options = options;
    this.#handler = handler;
    this.caughtUp = new Promise((resolve) => (this.#announce = resolve));
  }

  async open(): Promise<void> {
    const { cluster } = this.#stream.declaration;
    const what = `tail of ${this.#stream.name}`;
    const isLeft = await this.#bus.ask(cluster, openMsMax, what, () => this.#begin());
    if (!isLeft) void this.#handled.then(this.#announce);
  }

  /** Its connection is at another server, or again at the same one. */
  reopen(): void {
    if (this.#stopped || this.#bus.closed) return;
    const life = ++this.#life;
    this.open().catch(() => {
      if (life === this.#life) this.#later();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#life++;
    this.#forget();
    await this.#handled;
  }

  #later(): void {
    const { from, to } = silenceMs;
    this.#bus.process.after(this.#servers.random.between(from, to), () => this.reopen());
  }

  /** At the server. @returns whether it has any of what was there at first, and was not taken before. */
  #begin(): boolean {
    if (this.#stopped) return true;
    this.#forget();
    const life = ++this.#life;
    const { filter = '>', lastPerSubject, fromTimeMs, fromSequence = 1 } = this.#options;
    const isFirst = this.#last === undefined;
    if (isFirst) this.#end = this.#stream.last(filter)?.sequence ?? 0;
    if (!isFirst) this.#next = this.#last! + 1;
    else if (fromTimeMs !== undefined) this.#next = this.#stream.firstSince(fromTimeMs);
    else this.#next = fromSequence;
    const isLeft = (this.#stream.next(this.#next, filter)?.sequence ?? Infinity) <= this.#end;
    if (isFirst && lastPerSubject) {
      for (const sequence of this.#stream.lastPerSubject(filter))
        this.#sendOne(this.#stream.at(sequence)!, life);
      this.#next = this.#stream.state().lastSequence + 1;
    }
    this.#forget = this.#stream.onAppend(() => this.#send(life));
    this.#send(life);
    return isLeft;
  }

  #send(life: number): void {
    if (!this.#bus.process.alive) return this.#forget();
    while (life === this.#life) {
      const message = this.#stream.next(this.#next, this.#options.filter);
      if (!message) return;
      this.#next = message.sequence + 1;
      this.#sendOne(message, life);
    }
  }

  #sendOne(message: StreamMessage, life: number): void {
    this.#servers.deliver(
      this.#stream.declaration.cluster,
      this.#bus,
      () => {
        if (life === this.#life) this.#take(message);
      },
      () => {
        if (life !== this.#life) return;
        // All behind it would be a gap.
        this.#life++;
        this.#later();
      },
    );
  }

  /** One after the other, at the client. */
  #take(message: StreamMessage): void {
    this.#last = message.sequence;
    this.#handled = this.#handled.then(async () => {
      if (this.#stopped) return;
      await this.#handler(message);
      if (message.sequence >= this.#end) this.#announce();
    });
    // What a handler throws ends its process, as the rejection of a promise that nobody holds does.
    this.#handled.catch((error: unknown) => this.#bus.process.crash(error));
  }
}
