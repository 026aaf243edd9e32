import type { Activity } from '../base/activity.js';
import type { ErrorCode } from '../base/errors.js';
import type { ExampleBatch } from '../features/example-batch.js';
import type { ActionFacts, ImpressionFacts } from './event-facts.js';
import type { KnownImport } from './imports.js';
import type { RulesInForce, WindowRules } from './window-rules.js';

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

/** What somebody did. Who it was, of what type and what else is known of it is among the facts. */
export interface ActionBatch {
  /** '': of no slate of ours. */
  readonly requestIds: readonly string[];
  readonly items: readonly string[];
  /** Event time. */
  readonly atMs: Float64Array;
  /** 1, or 0 for an explicit dismissal. */
  readonly labels: Float32Array;
  /** Wall clock at which the event was accepted, for freshness. */
  readonly acceptedAtMs: Float64Array;
  readonly facts: ActionFacts;
  /** What the model looks at if an event turns out to be of its own accord. */
  readonly moment?: Moment;
}

/** The item of each event, and those it is learned against, with the features of the moment before it. */
export interface Moment {
  readonly items: readonly string[];
  /** By event, the end of its rows; the first of them is its own item. An event without rows is not learned. */
  readonly ends: Uint32Array;
  /** f32 [rows], how much each counts as it is learned; absent: all 1. */
  readonly weights?: Float32Array;
  readonly examples: ExampleBatch;
}

/** A piece of an import: what happened in the order of time, as far as it is of one partition. */
export interface ImportBatch {
  readonly name: string;
  /** Rows of the import up to here are in this piece or in one before it, or are of other partitions. */
  readonly through: number;
  /** Of the actions; those up to where the import has come before are passed over. */
  readonly positions: Float64Array;
  readonly actions: ActionBatch | undefined;
  readonly aliases: ImportedAliases;
  /** Nothing more comes that is older: to here time has come. */
  readonly watermarkMs?: number;
  /** Of its first record: see `KnownImport`. */
  readonly activity?: number;
}

/** Who is who from some position on; before the event at the same one. */
export interface ImportedAliases {
  readonly positions: Float64Array;
  /** As people. */
  readonly visitors: readonly string[];
  readonly users: readonly string[];
  /** When they told it: who was to be forgotten since is not brought back. */
  readonly atMs: Float64Array;
}

/** What was on screen, of what was offered. */
export interface ShownBatch {
  readonly requestIds: readonly string[];
  readonly items: readonly string[];
  readonly atMs: Float64Array;
  /** See `lanes`; one entry for all, or one each. */
  readonly lanes: Uint8Array;
}

/** Where impressions of requests are that others have named, for who looks for them by that name. */
export interface PointerBatch extends ShownBatch {
  /** One entry for all, or one each. */
  readonly partitions: Uint32Array;
}

/** Not known; known; known to be 1 after it was told as 0, which is to be taken back (core/model/delayed-feedback.ts). */
export const outcomeMask = { unknown: 0, known: 1, late: 2 } as const;

/** What became of rows, by outcome. */
export interface OutcomeColumns {
  /** f32 [rows] */
  readonly labels: Float32Array;
  /** u8 and f32, [rows] or one for all. See `outcomeMask`; what is not known trains nothing. */
  readonly masks: Uint8Array;
  /** Importance of a row for it. */
  readonly weights: Float32Array;
}

export type OutcomesByName = Readonly<Record<string, OutcomeColumns>>;

/** What a window has of somebody. */
export interface PersonInWindow {
  /** Who he is by now, of a visitor or of an account that was merged; null: himself. */
  readonly owner: string | null;
  /** Who became him. */
  readonly names: readonly string[];
  readonly forgottenUntilMs: number | null;
  readonly rows: readonly {
    readonly requestId: string;
    readonly item: string;
    /** When it was shown. */
    readonly atMs: number;
    /** Some outcome of it is not known yet. */
    readonly isOpen: boolean;
  }[];
  /** That wait for what they answer. */
  readonly events: readonly {
    readonly id: string;
    readonly type: string;
    readonly item: string;
    readonly requestId: string;
    readonly atMs: number;
    readonly order: string;
  }[];
}

export interface SampleBatch {
  /** '': of an event of its own accord. */
  readonly requestIds: readonly string[];
  readonly users: readonly string[];
  readonly items: readonly string[];
  readonly outcomes: OutcomesByName;
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

/** What became of one outcome of impressions. */
export interface OutcomeCounters {
  /** Where a value is predicted, all that are known. */
  readonly positives: number;
  /** Kept negatives, explicit and implicit. */
  readonly negatives: number;
  readonly negativesDropped: number;
  /** The outcome that it is given by was a negative. */
  readonly notGiven: number;
  /** Never on screen. */
  readonly notSeen: number;
  readonly erased: number;
  /** Went to the partition of the user that their visitor is. */
  readonly passed: number;
  /** Came from there. */
  readonly passedIn: number;
  readonly open: number;
}

/**
 * Every event observed is in exactly one of `impressions`, `actions` and `duplicates`; and
 *
 *   impressions − lateImpressions − ignoredImpressions + passedIn =
 *     positives + negatives + negativesDropped + notGiven + notSeen + erased + passed + open, of each outcome
 *   actions = joinedActions + repeatedActions + organicActions + historyActions + lateActions + orphanActions +
 *     passedActions + erasedActions + ignoredActions + heldActions
 *
 * The counters of the first outcome stand beside those of events, and the others by name.
 */
export interface JoinCounters extends OutcomeCounters {
  /** Distinct impressions; late ones included, since a late one can't be told from its duplicate. */
  readonly impressions: number;
  readonly lateImpressions: number;
  /** Of bots and staff. */
  readonly ignoredImpressions: number;
  /** To the partition of the user that their visitor is; counted there. */
  readonly passedImpressions: number;
  /** Impressions and events that came from other partitions, and are counted here. */
  readonly received: number;
  /** Records for other partitions; the next one has this number. */
  readonly sent: number;
  /** Rows of samples. */
  readonly samples: number;
  /** Distinct ones, those from other partitions included. */
  readonly actions: number;
  readonly duplicates: number;
  readonly joinedActions: number;
  /** Say what was known of their impression. */
  readonly repeatedActions: number;
  /** Of their own accord; learned against drawn negatives. */
  readonly organicActions: number;
  /** Of their own accord, and only told to who keeps histories. */
  readonly historyActions: number;
  /** Of nobody who is known, and too late for their impression. */
  readonly lateActions: number;
  /** Of nobody who is known, and of no impression that is. */
  readonly orphanActions: number;
  /** To the partition of the person. */
  readonly passedActions: number;
  readonly erasedActions: number;
  /** Of bots and staff. */
  readonly ignoredActions: number;
  readonly heldActions: number;
  readonly others: Readonly<Record<string, OutcomeCounters>>;
  /** Of these, what came by imports. What was sent again, as it was not known to have come, is in none of them. */
  readonly imported: LaneCounters;
}

/** Of events. Those of them that wait are what is left of `actions`. */
export type LaneCounters = Pick<
  JoinCounters,
  | 'actions'
  | 'duplicates'
  | 'received'
  | 'joinedActions'
  | 'repeatedActions'
  | 'organicActions'
  | 'historyActions'
  | 'lateActions'
  | 'orphanActions'
  | 'passedActions'
  | 'erasedActions'
  | 'ignoredActions'
>;

/** One piece of join state as the store keeps it. Numbers are handed out ascending and never used twice. */
export interface JoinRecord {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** The small part of the state that changes with every drain. */
export interface JoinProgress {
  readonly numberNext: number;
  /** Names, in the order in which rows count them. */
  readonly outcomes: readonly string[];
  /** By lane. */
  readonly lanes: readonly LaneProgress[];
  /** By partition, the newest number that came from there. */
  readonly taken: Readonly<Record<string, number>>;
  /** By name; absent: there was none. */
  readonly imports?: Readonly<Record<string, KnownImport>>;
  /** Newest event time of what was told of people; −Infinity: nothing was. Absent: a release before did not say. */
  readonly toldMsMax?: number;
  readonly counters: JoinCounters;
  /** What is read next is joined by these; absent: nobody has said, in a store of an earlier release. */
  readonly rules?: RulesInForce;
}

export interface LaneProgress {
  readonly watermarkMs: number;
  readonly eventMsMax: number;
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
  readonly activity: readonly PlacedActivity[];
  readonly sent: readonly SentRecord[];
  readonly deadLetters: readonly DeadLetter[];
  readonly changes: JoinChanges;
}

/**
 * Where something was told: how many things the record of JOIN before which nothing was told has led to. Both follow from
 * the log alone, so who hears it again from a window that was made anew knows it by its place.
 */
export interface PlacedActivity {
  readonly activity: Activity;
  /** In JOIN. */
  readonly sequence: number;
  /** From 1, among what the same record has led to. */
  readonly index: number;
}

/** For the log of another partition, or of the same one. Numbers rise, with gaps: not all goes to the same one. */
export interface SentRecord {
  readonly to: number;
  readonly source: number;
  readonly number: number;
  /** Of an event: followers of people have heard of it. */
  readonly isTold: boolean;
  readonly bytes: Uint8Array;
}

/** Open impressions that memory no longer holds, by record number. */
export interface ColdRows {
  get(number: number): Uint8Array | undefined;
}

export interface JoinOptions extends WindowRules {
  /** Of the configuration that the rules are of; left out: the first one. */
  readonly version?: number;
  /** Two copies of an event or impression are no further apart, in event time. Too short learns both; too long remembers for nothing. */
  readonly copiesMs: number;
  /** Of this window. */
  readonly partition: number;
  /** The partition of a person. */
  readonly homeOf: (person: string) => number;
  readonly partitions: number;
  readonly slotCount: number;
  readonly denseCount: number;
  /** Windows end on multiples of this. Finer costs a bucket each; coarser delays negatives by up to as much. */
  readonly bucketMs?: number;
  /** Open impressions held in memory; older ones are on disk only. Unlimited without it. */
  readonly memoryOpenMax?: number;
}
