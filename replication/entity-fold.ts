import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/base/errors.js';
import { decode } from '../messages/codec.js';
import type { EntityRows } from '../messages/feature-snapshots.js';
import { decodeEntityRows, decodeFeatureManifest } from '../messages/feature-snapshots.js';
import type { FeatureChange } from '../messages/features.js';
import { parseFeatureChange } from '../messages/features.js';
import type { Entity } from '../messages/subjects.js';
import { entities, lastToken } from '../messages/subjects.js';
import type { StreamMessage } from '../runtime/bus/logs.js';
import { ChangeOrder, lateRecordsMax } from './change-order.js';
import type { Fold, FoundSnapshot, Verdict } from '../runtime/followers/fold.js';
import { logSequenceOf } from '../runtime/followers/log-sequence.js';

/** What the log of features fills: a store on disk, or a catalog in memory. */
export interface EntityTarget {
  /** Of the log: all changes up to here are in; 0: none. */
  readonly sequence: number;
  /** Back to nothing, as before the first change. */
  reset(): void | Promise<void>;
  /** Rows of a snapshot, after a reset. */
  add(rows: EntityRows): void | Promise<void>;
  /** All rows of the snapshot are in. */
  restored(sequence: number): void | Promise<void>;
  /** The record at `sequence`, in order; undefined: one that says nothing to it. */
  take(change: FeatureChange | undefined, sequence: number): void | Promise<void>;
}

export interface EntityFoldOptions {
  readonly target: EntityTarget;
  /** Which of them it wants. */
  readonly entities: readonly Entity[];
  /** Where in the stream that is followed a record of the log is. */
  readonly placeOf: (sequence: number) => Promise<number>;
  readonly log: Pick<Logger, 'error'>;
}

/**
 * What is known of users and items, out of changes that replace each other. The order is that of the log they were written
 * to, also where a copy of it is followed: a number that all data centers share, and without holes, so that a record that
 * was missed is recognised.
 *
 * Who wants items only is sent all the same: a filter would hide a gap, and searching the log for a filter is what costs an
 * old server most (docs/decisions/0013-recoveries-are-cheap.md). What it does not want it does not decode.
 */
export class EntityFold implements Fold {
  readonly name = 'features';
  readonly #options: EntityFoldOptions;
  readonly #order = new ChangeOrder();
  #badMessages = 0;

  constructor(options: EntityFoldOptions) {
    this.#options = options;
  }

  get place(): string {
    return `record ${this.sequence}`;
  }

  get facts() {
    return { of: this.name, after: this.sequence };
  }

  get sequence(): number {
    return this.#options.target.sequence;
  }

  get badMessages(): number {
    return this.#badMessages;
  }

  async resume(): Promise<number | undefined> {
    return this.sequence > 0 ? this.#placeBefore(this.sequence) : undefined;
  }

  reset(): void | Promise<void> {
    this.#order.clear();
    return this.#options.target.reset();
  }

  async load({ manifest, chunks }: FoundSnapshot): Promise<number> {
    const { target, entities: wanted } = this.#options;
    const { sequence, objects } = decodeFeatureManifest(manifest);
    for (const object of objects) {
      if (!wanted.includes(object.entity)) continue;
      for await (const chunk of chunks(object)) await target.add(decodeEntityRows(chunk));
    }
    await target.restored(sequence);
    return this.#placeBefore(sequence);
  }

  /** So far back that a change that is late can be told from one that is not. */
  #placeBefore(sequence: number): Promise<number> {
    return this.#options.placeOf(Math.max(0, sequence - lateRecordsMax));
  }

  async take(message: StreamMessage): Promise<Verdict> {
    const { target } = this.#options;
    const sequence = logSequenceOf(message);
    if (sequence > target.sequence + 1) return 'gap';
    if (sequence <= this.#order.sequence) return 'stale';
    const isKnown = sequence <= target.sequence;
    const change = this.#order.next(this.#read(message), sequence);
    if (isKnown) return 'stale';
    await target.take(change, sequence);
    return 'applied';
  }

  #read(message: StreamMessage): FeatureChange | undefined {
    const { entities: wanted, log } = this.#options;
    const isWanted = (entity: string) => (wanted as readonly string[]).includes(entity);
    const told = lastToken(message.subject);
    if ((entities as readonly string[]).includes(told) && !isWanted(told)) return undefined;
    try {
      const change = parseFeatureChange(decode(message.bytes));
      return isWanted(change.entity) ? change : undefined;
    } catch (error) {
      // Of a release that knows more than this one: not to be passed over.
      if (codeOf(error) === 'UNSUPPORTED_VERSION') throw error;
      // Only processors write here. It will never be readable, and all that comes later is good.
      this.#badMessages++;
      const { sequence } = message;
      log.error(
        { sequence, code: codeOf(error), err: messageOf(error) },
        'a message in the log of features can not be read',
      );
      return undefined;
    }
  }
}
