import type { StreamMessage } from '../bus/logs.js';
import type { StoredObject } from '../stores/snapshot-store.js';

/**
 * What a follower makes of a log: rows of a partition, a store of entities, a catalog. The follower brings the records, the
 * snapshots and the order of things; a fold knows what they mean.
 */
export interface Fold {
  /** For people: `partition 3`. */
  readonly name: string;
  /** The newest record that is in, for people: `delta 7`. A gap that is found at the same place again was not mended. */
  readonly place: string;
  /** The same as fields, for logs and errors: `{ partition: 3, after: 7 }`. */
  readonly facts: Readonly<Record<string, string | number>>;
  /**
   * Of a fold that keeps its state on disk: where to read on in the log. Undefined: it has nothing, and wants a snapshot.
   */
  resume?(): Promise<number | undefined>;
  /** Back to nothing, as before the first record. */
  reset(): void | Promise<void>;
  /**
   * Takes a snapshot, after a reset.
   * @returns the sequence of the log behind which to read on; undefined when it does not want this snapshot.
   * @throws StarlingError what is damaged; the snapshot before is tried then. SPEC_MISMATCH: none would do.
   */
  load(snapshot: FoundSnapshot): Promise<number | undefined>;
  /**
   * The next record, in the order of the log. It must be put away as a whole before it resolves.
   * @throws StarlingError when nothing can be made of it and going on would be wrong.
   */
  take(message: StreamMessage): Verdict | Promise<Verdict>;
}

/**
 * `applied`: it is in. `held`: it is a part of something, and more is to come. `stale`: it is in already, or not to be
 * taken at all. `gap`: something before it was missed, so that nothing after it means anything.
 */
export type Verdict = 'applied' | 'held' | 'stale' | 'gap';

export interface FoundSnapshot {
  readonly snapshot: string;
  readonly manifest: Uint8Array;
  /** It is of another log with the same records, whose sequences mean nothing in this one. */
  readonly isElsewhere: boolean;
  /** In order; gives others their turn between two. */
  readonly chunks: (object: StoredObject) => AsyncIterable<Uint8Array>;
}
