import type { PageDirectory } from '../page-directory.js';
import type { ScheduleSpec } from '../../base/learning-schedule.js';

/** Rows in pages: what an optimizer sees of a table. Row r begins at (r & pageMask) · rowWidth of page r >>> pageShift. */
export interface RowMemory {
  readonly pages: readonly Float32Array[];
  readonly pageShift: number;
  readonly pageMask: number;
  /** Floats per row: weights, then state. */
  readonly rowWidth: number;
  /** Of the pages, for the kernels; absent where there are none to be had. */
  readonly directory?: PageDirectory;
}

/**
 * How rows learn. The state of a row stands right after its weights in the same page:
 *
 *   page[offset … offset + dim]                              weights
 *   page[offset + dim … offset + dim + stateWidth(dim)]      state
 *
 * One call takes a block of rows: no call per row, and the loop over rows and coordinates is one function that is
 * compiled for one optimizer. Arithmetic on coordinates is in single precision, on figures of a whole row in double.
 * Gradients must be finite: the trainer checks each batch, where it can still be refused.
 */
export interface Optimizer {
  /** Whether it looks at squares of single examples. */
  readonly countsExamples: boolean;
  /** Floats of state per row of `dim` weights. */
  stateWidth(dim: number): number;
  /** Writes the state of a row that has learned nothing. */
  initState(page: Float32Array, offset: number, dim: number): void;
  /**
   * One step per row, in order; rows[i] gets grads[gradStart + i·dim …], d(summed loss)/d(row). Rows must be ≥ 0. A row
   * named twice takes two steps. `step` drives the learning-rate schedule alone. `squares`, like grads, are sums of the squares of what
   * single examples say, for those that count them (`countsExamples`); left out, each row has one.
   */
  applyRows(
    memory: RowMemory,
    rows: Int32Array,
    rowCount: number,
    dim: number,
    grads: Float32Array,
    gradStart: number,
    step: number,
    squares?: Float32Array,
  ): void;
}

interface Common {
  /** η. Too low: rows stay what they were. Too high: they jump with each event. */
  readonly learningRate: number;
  /** How η changes with the step; absent: it does not. */
  readonly schedule?: ScheduleSpec;
  /** Gradients are cut to [-clip, clip], each coordinate by itself. */
  readonly clip?: number;
  /** Gradients of a row are scaled down to this Euclidean norm, after `clip`. */
  readonly clipNorm?: number;
  /** λ. A row decays only in steps that touch it, as decaying absent rows would touch the whole table. */
  readonly weightDecay?: number;
  /** `decoupled` (default): w ← w − η·λ·w before the step (AdamW). `l2`: λ·w is added to the gradient, after clipping. */
  readonly weightDecayKind?: 'decoupled' | 'l2';
}

export type OptimizerSpec = Common &
  (
    | { readonly kind: 'sgd' }
    /** μ default 0.9. */
    | { readonly kind: 'momentum'; readonly momentum?: number; readonly nesterov?: boolean }
    /**
     * G starts at `initialAccumulator` (default 0); ε default 1e-8. `accumulates`: the square of what a batch says of a row (default), or
     * the squares of what each of its examples says, before clipping: twenty events of one user in a batch are then twenty steps'
     * worth, and the next ones as large as they would have been. `firstOrderRate`: η of the first weight, which is no factor.
     */
    | {
        readonly kind: 'adagrad';
        readonly initialAccumulator?: number;
        readonly epsilon?: number;
        readonly accumulates?: 'batch' | 'examples';
        readonly firstOrderRate?: number;
      }
    /** β₁ 0.9, β₂ 0.999, ε 1e-8. */
    | {
        readonly kind: 'adam' | 'amsgrad';
        readonly beta1?: number;
        readonly beta2?: number;
        readonly epsilon?: number;
      }
    /** ρ 0.9, μ 0, ε 1e-8. */
    | {
        readonly kind: 'rmsprop';
        readonly rho?: number;
        readonly momentum?: number;
        readonly epsilon?: number;
      }
    /** ρ 0.95, ε 1e-6; η is usually 1. */
    | { readonly kind: 'adadelta'; readonly rho?: number; readonly epsilon?: number }
    /** β 1; λ₁ makes coordinates exactly 0, λ₂ shrinks them. */
    | {
        readonly kind: 'ftrl';
        readonly beta?: number;
        readonly l1?: number;
        readonly l2?: number;
        readonly initialAccumulator?: number;
      }
    /** As ftrl; `groupLasso` makes whole rows exactly 0. */
    | {
        readonly kind: 'group-ftrl';
        readonly beta?: number;
        readonly l1?: number;
        readonly l2?: number;
        readonly groupLasso?: number;
        readonly initialAccumulator?: number;
      }
    /** G starts at `initialAccumulator` (default 0.1), β 0; `groupLasso` makes whole rows exactly 0. */
    | {
        readonly kind: 'group-adagrad';
        readonly beta?: number;
        readonly groupLasso?: number;
        readonly initialAccumulator?: number;
      }
  );
