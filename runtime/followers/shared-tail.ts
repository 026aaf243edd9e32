import { messageOf } from '../../core/base/errors.js';
import type { Bus, StreamMessage, Tail, TailOptions } from '../bus.js';
import { retried } from '../retried.js';
import type { Following } from './follow.js';

type Apply = (message: StreamMessage) => void;

interface Member {
  readonly fromSequence: number;
  readonly apply: Apply;
  readonly onError: (error: unknown) => void;
}

/**
 * One tail of a whole stream for followers that begin together and between them want all of it, each a subject. With a
 * tail for each the server would look through the same log once for each of them, and an old one (2.9.10) searches a part of it
 * again with every message: docs/decisions/0013-recoveries-are-cheap.md.
 *
 * It begins when the last member has come, since that one may have to read from further back.
 */
export class SharedTail {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #members = new Map<string, Member>();
  readonly #opened: Promise<Following>;
  #missing: number;
  #open!: () => void;
  #handled = 0;
  #backlog = Number.POSITIVE_INFINITY;
  #announce!: () => void;

  constructor(bus: Bus, stream: string, memberCount: number) {
    this.#bus = bus;
    this.#stream = stream;
    this.#missing = memberCount;
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
    apply: Apply,
    onError: (error: unknown) => void,
  ): Promise<Following> {
    const member = { fromSequence, apply, onError };
    this.#members.set(filter!, member);
    if (--this.#missing === 0) this.#open();
    const tail = await this.#opened;
    const leave = async (): Promise<void> => {
      if (this.#members.get(filter!) === member) this.#members.delete(filter!);
      if (this.#members.size === 0) await tail.stop();
    };
    return { caughtUp: tail.caughtUp, stop: leave };
  }

  async #begin(): Promise<Following> {
    const caughtUp = new Promise<void>((resolve) => (this.#announce = resolve));
    const begins = [...this.#members.values()].map(({ fromSequence }) => fromSequence);
    const options = { stream: this.#stream, fromSequence: Math.min(...begins) };
    const tail = await retried<Tail>(() =>
      this.#bus.tail(options, (message) => this.#hear(message)),
    );
    this.#backlog = tail.backlog;
    if (this.#handled >= this.#backlog) this.#announce();
    return { caughtUp, stop: () => tail.stop() };
  }

  #hear(message: StreamMessage): void {
    const member = this.#members.get(message.subject);
    if (member && message.sequence >= member.fromSequence) {
      try {
        member.apply(message);
      } catch (cause) {
        const text = `${message.subject} #${message.sequence}: ${messageOf(cause)}`;
        member.onError(new Error(text, { cause }));
      }
    }
    this.#handled++;
    if (this.#handled >= this.#backlog) this.#announce();
  }
}
