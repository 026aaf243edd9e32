import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { ActivityMessage } from '../messages/activity.js';
import { parseActivity } from '../messages/activity.js';
import type { ActivityRows } from '../messages/activity-snapshots.js';
import { decodeActivityRows } from '../messages/activity-snapshots.js';
import { decode } from '../messages/codec.js';
import { decodeFeatureManifest } from '../messages/feature-snapshots.js';
import type { StreamMessage } from '../runtime/bus/logs.js';
import type { Fold, FoundSnapshot, Verdict } from '../runtime/followers/fold.js';
import type { ActivityPlace } from '../runtime/stores/activity-store.js';
import { logSequenceOf } from '../runtime/followers/log-sequence.js';

/** What the log of activity fills. */
export interface ActivityTarget {
  /** Of the log: all up to here is in; 0: none. */
  readonly sequence: number;
  reset(): Promise<void>;
  /** States of a snapshot, after a reset. */
  add(rows: ActivityRows): Promise<void>;
  /** All states of the snapshot are in. */
  restored(place: ActivityPlace): Promise<void>;
  /** The record at `sequence`, in order; undefined: one that nobody can read. */
  take(message: ActivityMessage | undefined, sequence: number): void | Promise<void>;
}

export interface ActivityFoldOptions {
  readonly target: ActivityTarget;
  /** Where in the stream that is followed a record of the log is. */
  readonly placeOf: (sequence: number) => Promise<number>;
  /** Takes no snapshot of a later record. */
  readonly untilSequence?: number;
  /** Places where snapshots may be, of which each is asked. */
  readonly sources: number;
  readonly log: Pick<Logger, 'error'>;
}

/**
 * What people did, out of ACTIVITY or a copy of it. The log reaches back some weeks: who has nothing, and finds no snapshot
 * anywhere, begins with the oldest record that is left.
 */
export class ActivityFold implements Fold {
  readonly name = 'activity';
  readonly #options: ActivityFoldOptions;
  #badMessages = 0;
  #gapsAtStart = 0;

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
    return this.#sequence > 0 ? placeOf(this.#sequence) : undefined;
  }

  reset(): Promise<void> {
    return this.#options.target.reset();
  }

  async load({ manifest, chunks }: FoundSnapshot): Promise<number | undefined> {
    const { target, placeOf, untilSequence = Infinity } = this.#options;
    const { activity } = decodeFeatureManifest(manifest);
    if (!activity || activity.sequence > untilSequence) return undefined;
    for await (const chunk of chunks(activity)) await target.add(decodeActivityRows(chunk));
    const { sequence, taken } = activity;
    await target.restored({ sequence, taken });
    return placeOf(sequence);
  }

  take(message: StreamMessage): Verdict | Promise<Verdict> {
    const sequence = logSequenceOf(message);
    if (sequence <= this.#sequence) return 'stale';
    if (sequence > this.#sequence + 1 && !this.#beginsAnyway()) return 'gap';
    const taken = this.#options.target.take(this.#read(message), sequence);
    return taken ? taken.then(() => 'applied') : 'applied';
  }

  #beginsAnyway(): boolean {
    return this.#sequence === 0 && this.#gapsAtStart++ >= this.#options.sources;
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

/** Of a message, the rows that were not taken yet: a joiner that was made anew says again what it does not know to be here. */
export function freshRows(
  message: ActivityMessage | undefined,
  taken: ActivityPlace['taken'],
): { readonly rows: ActivityMessage['rows']; readonly taken: ActivityPlace['taken'] } {
  if (!message) return { rows: [], taken };
  let [sequence, index] = taken[message.source] ?? [0, 0];
  const rows = message.rows.filter((row) => {
    if (row.sequence < sequence || (row.sequence === sequence && row.index <= index)) return false;
    ({ sequence, index } = row);
    return true;
  });
  return { rows, taken: { ...taken, [message.source]: [sequence, index] } };
}
