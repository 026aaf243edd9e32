import type { ErrorCode } from '../base/errors.js';
import type { ExampleBatch } from '../features/example-batch.js';
import type { ImpressionFacts } from './event-facts.js';

/** What goes into the join and what comes out, by column. All columns of a batch have one entry per row. */
export interface ImpressionBatch {
  readonly requestIds: readonly string[];
  readonly users: readonly string[];
  readonly items: readonly string[];
  /** Event time. */
  readonly atMs: Float64Array;
  /** The score serving gave; NaN if none. */
  readonly scores: Float32Array;
  readonly facts: ImpressionFacts;
  readonly examples: ExampleBatch;
}

export interface ActionBatch {
  readonly requestIds: readonly string[];
  readonly items: readonly string[];
  /** Event time. */
  readonly atMs: Float64Array;
  /** 1, or 0 for an explicit dismissal. */
  readonly labels: Float32Array;
  /** Wall clock at which the event was accepted, for freshness. */
  readonly acceptedAtMs: Float64Array;
}

export interface SampleBatch {
  readonly requestIds: readonly string[];
  readonly users: readonly string[];
  readonly items: readonly string[];
  /** 0 or 1. */
  readonly labels: Float32Array;
  /** 1 for positives, the sampling rate r for kept negatives: serving adds ln(r) to its logits. */
  readonly sampleRates: Float32Array;
  /** The score serving gave before the label was known; NaN if none. */
  readonly scores: Float32Array;
  /** Event time of the impression: the moment its features were true. */
  readonly atMs: Float64Array;
  /** Wall clock at which the action was accepted; NaN for an implicit negative, which has none. */
  readonly acceptedAtMs: Float64Array;
  /** Of the impression. */
  readonly facts: ImpressionFacts;
  readonly examples: ExampleBatch;
}

/** An event that can't become part of a sample, with the reason. The original stays in the event stream. */
export interface DeadLetter {
  readonly kind: 'impression' | 'action';
  readonly code: ErrorCode;
  readonly message: string;
  readonly requestId: string;
  readonly item: string;
  readonly atMs: number;
  /** Of an action. */
  readonly label?: number;
  readonly acceptedAtMs?: number;
}

/**
 * Every event observed is in exactly one of `impressions`, `actions`, `duplicates` and `rejected`; and
 *
 *   impressions = positives + negatives + negativesDropped + lateImpressions + open
 *   actions     = joinedActions + lateActions + orphanActions + heldActions
 */
export interface JoinCounters {
  /** Distinct impressions; late ones included, since a late one can't be told from its duplicate. */
  readonly impressions: number;
  readonly actions: number;
  readonly positives: number;
  /** Kept negatives, explicit and implicit. */
  readonly negatives: number;
  readonly negativesDropped: number;
  readonly duplicates: number;
  /** Rows without a usable time or label; dead-lettered. */
  readonly rejected: number;
  readonly joinedActions: number;
  readonly lateActions: number;
  readonly orphanActions: number;
  readonly lateImpressions: number;
  readonly open: number;
  readonly heldActions: number;
}

/** One piece of join state as the store keeps it. Numbers are handed out ascending and never used twice. */
export interface JoinRecord {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** The small part of the state that changes with every drain. */
export interface JoinProgress {
  readonly numberNext: number;
  readonly watermarkMs: number;
  readonly eventMsMax: number;
  readonly counters: JoinCounters;
}

/** The net change of state since the last drain: what opened and closed between two drains is in neither list. */
export interface JoinChanges {
  readonly put: readonly JoinRecord[];
  readonly remove: readonly number[];
  readonly progress: JoinProgress;
}

/** What a window is restored from. */
export interface SavedJoin {
  readonly progress: JoinProgress;
  /** By ascending number; read once. */
  readonly records: Iterable<JoinRecord>;
}

export interface JoinOutput {
  readonly samples: SampleBatch;
  readonly deadLetters: readonly DeadLetter[];
  readonly changes: JoinChanges;
}

/** Open impressions that memory no longer holds, by record number. */
export interface ColdRows {
  get(number: number): Uint8Array | undefined;
}

export interface JoinOptions {
  /** How long after an impression its action counts, in event time. Too short loses labels; too long delays negatives. */
  readonly windowMs: number;
  /** How far events may be out of order. Too short dead-letters stragglers; too long delays negatives. */
  readonly allowedLatenessMs: number;
  /** Two copies of an impression are no further apart, in event time. Too short learns both; too long remembers for nothing. */
  readonly copiesMs: number;
  /** Share of negatives kept, 0 … 1. */
  readonly negativeRate: number;
  readonly slotCount: number;
  readonly denseCount: number;
  /** Windows end on multiples of this. Finer costs a bucket each; coarser delays negatives by up to as much. */
  readonly bucketMs?: number;
  /** Open impressions held in memory; older ones are on disk only. Unlimited without it. */
  readonly memoryOpenMax?: number;
}
