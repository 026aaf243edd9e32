import type { ColdRows, JoinChanges, JoinProgress, JoinRecord } from '../../core/joining/types.js';

export interface OutboxEntry {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Sequences read so far, by input (stream or source). */
export type ConsumedSequences = Readonly<Record<string, number>>;

export interface JoinCommit {
  readonly changes: JoinChanges;
  readonly consumed: ConsumedSequences;
  /** Messages to publish, numbers ascending and above all earlier ones. */
  readonly outbox: readonly OutboxEntry[];
  /** Hash of the features that rows are made of, from this commit on; left out: as before. */
  readonly spec?: string;
  /** Outbox entries up to this number are acknowledged and go. */
  readonly confirmedThrough?: number;
}

export interface JoinState {
  /** undefined in a new store. */
  readonly progress: JoinProgress | undefined;
  /** Read from disk while iterating; to be consumed before the next commit. */
  readonly records: Iterable<JoinRecord>;
  readonly consumed: ConsumedSequences;
  readonly outbox: readonly OutboxEntry[];
  /** Hash of the features that rows are made of; undefined: nobody has said, as none had changed. */
  readonly spec: string | undefined;
  /** The highest outbox number ever committed; 0 in a new store. */
  readonly outboxNumberLast: number;
}

/**
 * What a joiner must not forget: the state of its window, how far it has read its inputs, and what it has made but not yet
 * seen acknowledged. All three change in one transaction, so after any crash the store is exactly at some commit: reading
 * goes on behind the consumed sequences, publishing behind the last acknowledged number.
 */
export interface JoinStore extends ColdRows {
  /** Identifies this store: one that is made anew is another. */
  readonly window: string;
  /** Everything the last commit left. */
  load(): JoinState;
  /**
   * Makes all of `commit` durable, or nothing of it. On STORAGE_FULL the same commit can be tried again later; until it
   * succeeds the window must not be drained again.
   */
  commit(commit: JoinCommit): Promise<void>;
  /** Deletes the outbox entries up to `throughNumber`. Costs a flush: fold it into the next commit where there is one. */
  confirm(throughNumber: number): Promise<void>;
  /** Records of a snapshot, before the first commit: until that one a store that ends is of no use. */
  add(records: readonly JoinRecord[]): Promise<void>;
  /** All of the last commit, whatever is committed meanwhile. */
  view(): JoinView;
  close(): Promise<void>;
}

/** A store at one of its commits. */
export interface JoinView extends Pick<
  JoinState,
  'progress' | 'records' | 'consumed' | 'outboxNumberLast'
> {
  /** What it holds on to goes. */
  close(): void;
}
