import { StarlingError } from '../../core/base/errors.js';
import type { StreamDeclaration } from '../../messages/declared-streams.js';
import type {
  AppendOptions,
  PurgeOptions,
  StreamMessage,
  StreamState,
} from '../../runtime/bus/logs.js';
import { matchesSubject } from './subject-pattern.js';

/** What a server says to whoever appends. */
const messageIdHeader = 'Nats-Msg-Id';

/** One stream as JetStream keeps it: sequences over all subjects, ids that are known again, the check of the last sequence. */
export class MemoryStream {
  readonly declaration: StreamDeclaration;
  /** Ascending by sequence, with gaps where messages were removed. */
  #messages: StreamMessage[] = [];
  readonly #lastBySubject = new Map<string, number>();
  readonly #ids = new Map<string, { readonly sequence: number; readonly atMs: number }>();
  readonly #listeners = new Set<(message: StreamMessage) => void>();
  #lastSequence = 0;
  #bytes = 0;
  /** Longer messages are refused. */
  messageBytesMax: number | undefined;
  /** The disk of its server is full. */
  full = false;

  constructor(declaration: StreamDeclaration) {
    this.declaration = declaration;
    this.messageBytesMax = declaration.maxMessageBytes;
  }

  get name(): string {
    return this.declaration.name;
  }

  takes(subject: string): boolean {
    return this.declaration.subjects?.some((pattern) => matchesSubject(pattern, subject)) ?? false;
  }

  /** Hears of every message. */
  onAppend(listener: (message: StreamMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws StarlingError STORAGE_FULL, CONFLICT */
  append(
    subject: string,
    bytes: Uint8Array,
    { messageId, headers = {}, after }: AppendOptions,
    atMs: number,
  ): number {
    if (this.full || bytes.length > (this.messageBytesMax ?? Infinity)) {
      const text = `append to ${subject}: the storage of the NATS server is used up.`;
      throw new StarlingError('STORAGE_FULL', text, { short: this.full ? 'limit' : 'disk' });
    }
    const known = messageId === undefined ? undefined : this.#knownAs(messageId, atMs);
    if (known !== undefined) return known;
    const last = this.#lastBySubject.get(subject) ?? 0;
    if (after && after.sequence !== last) {
      const text = `append to ${subject}: wrong last sequence: ${last}.`;
      throw new StarlingError('CONFLICT', text);
    }
    const all = messageId === undefined ? headers : { ...headers, [messageIdHeader]: messageId };
    const sequence = ++this.#lastSequence;
    if (messageId !== undefined) this.#ids.set(messageId, { sequence, atMs });
    const header = (name: string): string | undefined => all[name];
    const message = { subject, sequence, atMs, bytes, header };
    this.#messages.push(message);
    this.#bytes += bytes.length;
    this.#lastBySubject.set(subject, sequence);
    this.#dropOld(subject);
    for (const listener of this.#listeners) listener(message);
    return sequence;
  }

  /** The first one from `sequence` on that the filter lets through. */
  next(sequence: number, filter = '>'): StreamMessage | undefined {
    for (let at = this.#indexOf(sequence); at < this.#messages.length; at++) {
      const message = this.#messages[at]!;
      if (matchesSubject(filter, message.subject)) return message;
    }
    return undefined;
  }

  /** So many messages of the filter from `sequence` on. */
  countFrom(sequence: number, filter = '>'): number {
    let count = 0;
    for (let at = this.#indexOf(sequence); at < this.#messages.length; at++)
      if (matchesSubject(filter, this.#messages[at]!.subject)) count++;
    return count;
  }

  at(sequence: number): StreamMessage | undefined {
    const found = this.#messages[this.#indexOf(sequence)];
    return found?.sequence === sequence ? found : undefined;
  }

  last(subject: string): StreamMessage | undefined {
    for (let at = this.#messages.length - 1; at >= 0; at--) {
      const message = this.#messages[at]!;
      if (matchesSubject(subject, message.subject)) return message;
    }
    return undefined;
  }

  firstSince(atMs: number): number {
    const found = this.#messages.find((message) => message.atMs >= atMs);
    return found?.sequence ?? this.#lastSequence + 1;
  }

  subjects(filter: string): string[] {
    return [...new Set(this.#messages.map(({ subject }) => subject))].filter((subject) =>
      matchesSubject(filter, subject),
    );
  }

  /** The last message of each subject of the filter, by sequence. */
  lastPerSubject(filter = '>'): number[] {
    return this.subjects(filter)
      .map((subject) => this.#lastBySubject.get(subject)!)
      .sort((a, b) => a - b);
  }

  /** Of all messages whose subject ends so. */
  bodies(lastToken: string): Uint8Array[] {
    return this.#messages
      .filter(({ subject }) => subject.endsWith(`.${lastToken}`))
      .map(({ bytes }) => bytes);
  }

  state(): StreamState {
    return {
      firstSequence: this.#messages[0]?.sequence ?? this.#lastSequence + 1,
      lastSequence: this.#lastSequence,
      messages: this.#messages.length,
      bytes: this.#bytes,
    };
  }

  purge({ subject = '>', beforeSequence = Infinity }: PurgeOptions): number {
    const before = this.#messages.length;
    this.#keep(
      (message) => message.sequence >= beforeSequence || !matchesSubject(subject, message.subject),
    );
    return before - this.#messages.length;
  }

  #keep(stays: (message: StreamMessage) => boolean): void {
    this.#messages = this.#messages.filter(stays);
    this.#bytes = this.#messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const left = new Set(this.#messages.map(({ subject }) => subject));
    for (const subject of this.#lastBySubject.keys())
      if (!left.has(subject)) this.#lastBySubject.delete(subject);
  }

  #knownAs(messageId: string, atMs: number): number | undefined {
    const known = this.#ids.get(messageId);
    const isRemembered = known && atMs - known.atMs < this.declaration.duplicateWindowMs;
    return isRemembered ? known.sequence : undefined;
  }

  #dropOld(subject: string): void {
    const { maxMessagesPerSubject } = this.declaration;
    if (maxMessagesPerSubject === undefined) return;
    const of = this.#messages.filter((message) => message.subject === subject);
    const oldest = of.at(-maxMessagesPerSubject);
    if (of.length <= maxMessagesPerSubject || !oldest) return;
    this.#keep((message) => message.subject !== subject || message.sequence >= oldest.sequence);
  }

  /** Of the first message at or behind `sequence`. */
  #indexOf(sequence: number): number {
    let [low, high] = [0, this.#messages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#messages[middle]!.sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
