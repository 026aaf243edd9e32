import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { ActivityMessage } from '../messages/activity.js';
import { parseActivity } from '../messages/activity.js';
import { decode } from '../messages/codec.js';
import type { StreamMessage } from '../runtime/bus/logs.js';
import type { Fold, Verdict } from '../runtime/followers/fold.js';
import { logSequenceOf } from '../runtime/followers/log-sequence.js';

/** What the log of activity fills. */
export interface ActivityTarget {
  /** Of the log: all up to here is in; 0: none. */
  readonly sequence: number;
  reset(): Promise<void>;
  /** The record at `sequence`, in order; undefined: one that nobody can read. */
  take(message: ActivityMessage | undefined, sequence: number): void | Promise<void>;
}

export interface ActivityFoldOptions {
  readonly target: ActivityTarget;
  /** Where in the stream that is followed a record of the log is. */
  readonly placeOf: (sequence: number) => Promise<number>;
  readonly log: Pick<Logger, 'error'>;
}

/** What people did, out of ACTIVITY or a copy of it. Who has nothing begins with the oldest record that is left. */
export class ActivityFold implements Fold {
  readonly name = 'activity';
  readonly #options: ActivityFoldOptions;
  #badMessages = 0;

  constructor(options: ActivityFoldOptions) {
    this.#options = options;
  }

  get place(): string {
    return `record ${this.#sequence}`;
  }

  get facts() {
    return { of: this.name, after: this.#sequence };
  }

  get badMessages(): number {
    return this.#badMessages;
  }

  get #sequence(): number {
    return this.#options.target.sequence;
  }

  async resume(): Promise<number | undefined> {
    const { placeOf } = this.#options;
    return this.#sequence > 0 ? placeOf(this.#sequence) : 0;
  }

  reset(): Promise<void> {
    return this.#options.target.reset();
  }

  async load(): Promise<undefined> {
    // Snapshots are of what is told.
  }

  take(message: StreamMessage): Verdict | Promise<Verdict> {
    const sequence = logSequenceOf(message);
    if (sequence <= this.#sequence) return 'stale';
    if (this.#sequence > 0 && sequence > this.#sequence + 1) return 'gap';
    const taken = this.#options.target.take(this.#read(message), sequence);
    return taken ? taken.then(() => 'applied') : 'applied';
  }

  #read({ bytes, sequence }: StreamMessage): ActivityMessage | undefined {
    try {
      return parseActivity(decode(bytes));
    } catch (error) {
      // Of a release that knows more than this one: not to be passed over.
      if (codeOf(error) === 'UNSUPPORTED_VERSION') throw error;
      // Only joiners write here. It will never be readable, and all that comes later is good.
      this.#badMessages++;
      const why = { sequence, code: codeOf(error), err: messageOf(error) };
      this.#options.log.error(why, 'a message in the log of activity can not be read');
      return undefined;
    }
  }
}
