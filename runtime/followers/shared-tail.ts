import type { TimeAndChance } from '../../core/base/random.js';
import type { StreamMessage, TailOptions } from '../bus/logs.js';
import { retried } from '../retry-read.js';
import type { Following, TailingBus } from './follow.js';
import { follow } from './follow.js';

type SharedTailBus = TailingBus & TimeAndChance;

interface Member {
  readonly fromSequence: number;
  readonly apply: (message: StreamMessage) => void | Promise<void>;
}

export interface SharedTailOptions {
  readonly stream: string;
  /** What of it is wanted; all, if left out. */
  readonly filter?: string;
  /** It begins when so many have come, since the last one may have to read from further back. */
  readonly members: number;
  /** What a member throws; the others go on. */
  readonly onError: (error: unknown) => void;
}

/**
 * One tail of a whole stream for followers that begin together and between them want all of it, each a subject. With a
 * tail for each the server would look through the same log once for each of them, and an old one (2.9.10) searches a part of it
 * again with every message: docs/decisions/0013-recoveries-are-cheap.md.
 */
export class SharedTail {
  readonly #bus: SharedTailBus;
  readonly #options: SharedTailOptions;
  readonly #members = new Map<string, Member>();
  readonly #opened: Promise<Following>;
  #missing: number;
  #open!: () => void;

  constructor(bus: SharedTailBus, options: SharedTailOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#missing = options.members;
    const complete = new Promise<void>((resolve) => (this.#open = resolve));
    this.#opened = complete.then(() => this.#begin());
    this.#opened.catch(() => undefined); // Each member hears of it.
  }

  /** Whether one more is awaited; who comes later needs a tail of his own. */
  get isGathering(): boolean {
    return this.#missing > 0;
  }

  /** A member; resolves, for all of them, once the tail is open. */
  async follow(
    { filter, fromSequence = 1 }: TailOptions,
    apply: Member['apply'],
  ): Promise<Following> {
    const member = { fromSequence, apply };
    this.#members.set(filter!, member);
    if (--this.#missing === 0) this.#open();
    const tail = await this.#opened;
    const leave = async (): Promise<void> => {
      if (this.#members.get(filter!) === member) this.#members.delete(filter!);
      if (this.#members.size === 0) await tail.stop();
    };
    return { caughtUp: tail.caughtUp, stop: leave };
  }

  #begin(): Promise<Following> {
    const { stream, filter, onError } = this.#options;
    const begins = [...this.#members.values()].map(({ fromSequence }) => fromSequence);
    const fromSequence = Math.min(...begins);
    const options = { stream, fromSequence, ...(filter === undefined ? {} : { filter }) };
    return retried(this.#bus, () =>
      follow(this.#bus, options, (message) => this.#hand(message), onError),
    );
  }

  #hand(message: StreamMessage): void | Promise<void> {
    const member = this.#members.get(message.subject);
    if (member && message.sequence >= member.fromSequence) return member.apply(message);
  }
}
