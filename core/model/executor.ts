import type { BlockName } from './blocks.js';
import type { Graph } from './graph.js';
import type { ModelSpec } from './network.js';
import type { PooledBatch, RowsBatch } from './pooled-batch.js';
import type { SplitScorer } from './split-scorer.js';
import type { TwoSides } from './two-sides.js';

/**
 * The seam behind which networks are computed. Who trains or scores calls `createTrainingStep` and `createScorer`, which check
 * and scale what comes in; an executor gets a graph once and then batches whose lengths fit it, with the parameters of the
 * network alone.
 */
export interface Executor {
  /** Blocks of the graph that it lacks; none: it computes it. */
  missing(graph: Graph): readonly BlockName[];
  trainer(graph: Graph): GraphTrainer;
  scorer(graph: Graph): GraphScorer;
  /** Scores with what is kept of items. Undefined where the network can't be split; left out: no network can. */
  split?(model: ModelSpec, sides: TwoSides): SplitScorer | undefined;
}

export interface Labels {
  /** f32 [rowCount × heads]: 0 or 1; of a head of squared loss a value. */
  readonly labels: Float32Array;
  /** f32 [rowCount × heads], importance of each label, ≥ 0 and not all 0; 0 where it is not known. */
  readonly weights: Float32Array;
}

/** One forward and backward pass; changes nothing and keeps nothing. Results are the caller's. */
export interface GraphTrainer {
  /** @param parameters f32 [layout.size] */
  pooled(batch: PooledBatch & Labels, parameters: Float32Array): StepResult;
  rows(batch: RowsBatch & Labels, parameters: Float32Array, squares: boolean): RowStepResult;
}

interface AnyStepResult {
  /** Σ weight·loss / Σ weight; nats where each loss is cross entropy. */
  readonly loss: number;
  /** f32 [rowCount × heads], before the update. */
  readonly logits: Float32Array;
  /** f32 [parameters]: d(loss)/d(parameter). */
  readonly denseGradient: Float32Array;
}

/**
 * Two scales of gradient, on purpose. Rows get the SUM over the batch: a row is touched by few examples, and a step
 * for a user with one event must not shrink because a thousand strangers share the batch. Dense parameters are touched
 * by every example and get the MEAN, so that their learning rate does not depend on the batch size.
 */
export interface StepResult extends AnyStepResult {
  /** f32 [rowCount × slotCount × (1 + factorDim)]: d(Σ weight·loss)/d(pooled). */
  readonly pooledGradient: Float32Array;
}

export interface RowStepResult extends AnyStepResult {
  /** f32 [unique rows × (1 + factorDim)]: d(Σ weight·loss)/d(row), in the order of the plan. */
  readonly rowGradient: Float32Array;
  /**
   * If `squares`, as long: the sum of the squares of what each place that read the row says, where `rowGradient` is the sum itself.
   * Adagrad may count either.
   */
  readonly rowSquares?: Float32Array;
}

/** One published version of the dense parameters; `values` never changes once it has a version. */
export interface DenseVersion {
  readonly version: number;
  readonly values: Float32Array;
}

export interface GraphScorer {
  /** Logits [rowCount × heads] of at least one row, by the same forward pass as training. Behind the parameters of the network there may be others. */
  pooled(batch: PooledBatch, parameters: DenseVersion): Float32Array;
  rows(batch: RowsBatch, parameters: DenseVersion): Float32Array;
  /** Frees what is kept of the version in use. */
  dispose(): void;
}
