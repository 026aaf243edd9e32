import type { Alarm } from '../core/base/shared-ring.js';
import type { ErrorCode } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { JudgedCounts } from '../core/model/judged-scores.js';
import type { DenseObject, SnapshotObject } from '../messages/snapshots.js';
import type { ScoredRows } from './batch-learner.js';
import type { Links } from './exchange-links.js';
import type { SampleIndex } from './sample-file.js';

/** Where a training is: the block that comes next. */
export interface TrainingPlace {
  readonly epoch: number;
  readonly block: number;
  /** Blocks that were learned, over all epochs. */
  readonly step: number;
}

/** What a thread is started with. */
export interface ThreadStart {
  readonly config: ClusterConfig;
  readonly thread: number;
  readonly threads: number;
  readonly links: Links;
  readonly alarm: Alarm;
  /** i32 [1], shared: 1 asks for a checkpoint and an end. */
  readonly stop: Int32Array;
  readonly train: SampleIndex;
  readonly holdout: SampleIndex | undefined;
  readonly epochs: number;
  readonly from: TrainingPlace;
  /** Folder of snapshots that `from` is of; the beginning where there is none. */
  readonly checkpoint: { readonly folder: string; readonly snapshot: string } | undefined;
  /** Where checkpoints go, and how often; Infinity: never. */
  readonly checkpoints: { readonly folder: string; readonly everyMs: number };
  /** Where the result goes. */
  readonly result: { readonly folder: string; readonly snapshot: string };
  readonly createdAtMs: number;
}

/** Since this thread told last; what all threads know alike is told by the first alone. */
export interface Tally {
  readonly rows: number;
  /** Σ loss × rows over steps, and the rows of those. */
  readonly loss: number;
  readonly lossRows: number;
  readonly refused: number;
  /** Of the part of this thread, since it began. */
  readonly judged: Readonly<Record<string, JudgedCounts>>;
}

/** What a thread has written of a snapshot; the network by the first. */
export interface Written {
  readonly snapshot: string;
  readonly objects: readonly SnapshotObject[];
  readonly dense?: DenseObject;
}

export type ThreadNews =
  | { readonly kind: 'began'; readonly backend: string }
  | { readonly kind: 'learned'; readonly at: TrainingPlace; readonly tally: Tally }
  | {
      readonly kind: 'checkpoint';
      readonly at: TrainingPlace;
      readonly tally: Tally;
      readonly written: Written;
      /** It was asked to end. */
      readonly isLast: boolean;
    }
  | { readonly kind: 'scored'; readonly scored: ScoredRows }
  | {
      readonly kind: 'ended';
      readonly written: Written;
      /** Digests of its partitions, and, of the first, of the network. */
      readonly digests: readonly string[];
    }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

export const noTally: Tally = { rows: 0, loss: 0, lossRows: 0, refused: 0, judged: {} };
