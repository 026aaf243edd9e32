import { StarlingError } from '../../core/base/errors.js';
import { names } from '../../messages/default-names.testkit.js';
import type { Clock } from '../../core/base/clock.js';
import type { Bus } from '../bus/bus.js';
import { systemClock, systemRandom } from '../system.js';
import type { AppendOptions, StreamMessage, TailOptions } from '../bus/logs.js';

type LogBus = Pick<
  Bus,
  'names' | 'clock' | 'random' | 'append' | 'tail' | 'lastMessage' | 'messageAt' | 'streamState'
>;

interface Reader {
  readonly wants: (message: StreamMessage) => boolean;
  readonly hand: (message: StreamMessage) => void;
}

/**
 * One stream as JetStream keeps it, in memory: sequences over all subjects, ids that are known again, the check of the
 * last sequence of a subject, tails that hand over one message after the other. And what may befall it: records that
 * were trimmed or are missing, acknowledgements that get lost.
 */
export class MemoryLog implements LogBus {
  readonly names = names;
  readonly random = systemRandom;
  readonly clock: Clock;
  #messages: StreamMessage[] = [];
  readonly #ids = new Map<string, number>();
  readonly #readers = new Set<Reader>();
  #sequence = 0;
  /** Records are stored, but the next so many of them are not acknowledged. */
  acknowledgementsLost = 0;
  /** Records handed to whoever tails, over all. */
  delivered = 0;

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
  }

  /** Of the newest record. */
  get sequence(): number {
    return this.#sequence;
  }

  get messages(): readonly StreamMessage[] {
    return this.#messages;
  }

  of(subject: string): StreamMessage[] {
    return this.#messages.filter((message) => message.subject === subject);
  }

  async append(subject: string, bytes: Uint8Array, options: AppendOptions = {}): Promise<number> {
    const sequence = this.put(subject, bytes, options);
    if (this.acknowledgementsLost === 0) return sequence;
    this.acknowledgementsLost--;
    throw new StarlingError('TIMEOUT', `${subject}: no acknowledgement.`);
  }

  /** As `append` does, and is acknowledged at once. */
  put(subject: string, bytes: Uint8Array, options: AppendOptions = {}): number {
    const { messageId, after, headers = {} } = options;
    const known = messageId === undefined ? undefined : this.#ids.get(messageId);
    if (known !== undefined) return known;
    const last = this.of(subject).at(-1)?.sequence ?? 0;
    if (after !== undefined && after.sequence !== last) {
      const text = `${subject} is at sequence ${last}, not ${after.sequence}.`;
      throw new StarlingError('CONFLICT', text);
    }
    const sequence = ++this.#sequence;
    if (messageId !== undefined) this.#ids.set(messageId, sequence);
    const message = { subject, sequence, atMs: 0, bytes, header: (name: string) => headers[name] };
    this.#messages.push(message);
    for (const { wants, hand } of this.#readers) if (wants(message)) hand(message);
    return sequence;
  }

  async tail(
    { filter, fromSequence = 1 }: TailOptions,
    handler: (message: StreamMessage) => void | Promise<void>,
  ) {
    let isOpen = true;
    let handed: Promise<unknown> = Promise.resolve();
    const reader: Reader = {
      wants: ({ subject, sequence }) =>
        sequence >= fromSequence && (filter === undefined || filter === subject),
      hand: (message) => {
        handed = handed.then(() => {
          if (!isOpen) return;
          this.delivered++;
          return handler(message);
        });
      },
    };
    const backlog = this.#messages.filter(reader.wants);
    this.#readers.add(reader);
    for (const message of backlog) reader.hand(message);
    const caughtUp = handed.then(() => undefined);
    const stop = async (): Promise<void> => {
      isOpen = false;
      this.#readers.delete(reader);
      await handed;
    };
    return { caughtUp, stop };
  }

  async lastMessage(_stream: string, subject: string): Promise<StreamMessage | undefined> {
    return subject === '>' ? this.#messages.at(-1) : this.of(subject).at(-1);
  }

  async messageAt(_stream: string, sequence: number): Promise<StreamMessage | undefined> {
    return this.#messages.find((message) => message.sequence === sequence);
  }

  async streamState() {
    const { length: messages } = this.#messages;
    const firstSequence = this.#messages[0]?.sequence ?? this.#sequence + 1;
    return { firstSequence, lastSequence: this.#sequence, messages, bytes: 0 };
  }

  /** As a snapshot allows it. */
  trim(beforeSequence: number): void {
    this.#messages = this.#messages.filter(({ sequence }) => sequence >= beforeSequence);
  }

  /** As no log should: one record is gone. */
  lose(sequence: number): void {
    this.#messages = this.#messages.filter((message) => message.sequence !== sequence);
  }
}
