import { StarlingError } from '../base/errors.js';

interface Clipping {
  /** Gradients are cut to [-clip, clip], each coordinate by itself. Absent: not cut. */
  readonly clip?: number;
}

export type OptimizerSpec = Clipping &
  (
    | { readonly kind: 'sgd'; readonly learningRate: number }
    | {
        readonly kind: 'adagrad';
        readonly learningRate: number;
        /** Where G starts; default 0. Higher makes the first steps of a row smaller. */
        readonly initialAccumulator?: number;
        /** Default 1e-8. */
        readonly epsilon?: number;
      }
  );

/**
 * How a row learns. The state of a row stands right after its weights in the same page:
 *
 *   page[offset … offset + dim]                              weights
 *   page[offset + dim … offset + dim + stateWidth(dim)]      state
 *
 * One call per row, so that the update runs over memory that is in cache; the coordinates are a loop without calls.
 * Gradients must be finite: the trainer checks each batch, where it can still be refused.
 */
export interface Optimizer {
  /** Floats of state per row of `dim` weights. */
  stateWidth(dim: number): number;
  /** Writes the state of a row that has learned nothing. */
  initState(page: Float32Array, offset: number, dim: number): void;
  /** One step with grads[gradOffset … gradOffset + dim], d(mean loss)/d(row). */
  apply(
    page: Float32Array,
    offset: number,
    dim: number,
    grads: Float32Array,
    gradOffset: number,
  ): void;
}

export function createOptimizer(spec: OptimizerSpec): Optimizer {
  requirePositive(spec, 'learningRate', spec.learningRate);
  const clip = spec.clip ?? Infinity;
  requirePositive(spec, 'clip', clip);
  switch (spec.kind) {
    case 'sgd':
      return new Sgd(spec.learningRate, clip);
    case 'adagrad': {
      const epsilon = spec.epsilon ?? 1e-8;
      const initialAccumulator = spec.initialAccumulator ?? 0;
      requirePositive(spec, 'epsilon', epsilon);
      if (initialAccumulator !== 0) requirePositive(spec, 'initialAccumulator', initialAccumulator);
      return new Adagrad(spec.learningRate, initialAccumulator, epsilon, clip);
    }
  }
}

function requirePositive(spec: OptimizerSpec, name: string, value: number): void {
  if (value > 0) return;
  throw new StarlingError(
    'CONFIG_INVALID',
    `optimizer ${spec.kind}: ${name} is ${value}; it must be above 0`,
  );
}

/** w ← w − η·g. No state. */
class Sgd implements Optimizer {
  private readonly learningRate: number;
  private readonly clip: number;

  constructor(learningRate: number, clip: number) {
    this.learningRate = learningRate;
    this.clip = clip;
  }

  stateWidth(): number {
    return 0;
  }

  initState(): void {
    // No state to write.
  }

  apply(
    page: Float32Array,
    offset: number,
    dim: number,
    grads: Float32Array,
    gradOffset: number,
  ): void {
    stepSgd(page, offset, dim, grads, gradOffset, this.learningRate, this.clip);
  }
}

/** G ← G + g²; w ← w − η·g / √(G + ε): diagonal Adagrad (Duchi et al., 2011). State: G [dim]. */
class Adagrad implements Optimizer {
  private readonly learningRate: number;
  private readonly initialAccumulator: number;
  private readonly epsilon: number;
  private readonly clip: number;

  constructor(learningRate: number, initialAccumulator: number, epsilon: number, clip: number) {
    this.learningRate = learningRate;
    this.initialAccumulator = initialAccumulator;
    this.epsilon = epsilon;
    this.clip = clip;
  }

  stateWidth(dim: number): number {
    return dim;
  }

  initState(page: Float32Array, offset: number, dim: number): void {
    page.fill(this.initialAccumulator, offset + dim, offset + 2 * dim);
  }

  apply(
    page: Float32Array,
    offset: number,
    dim: number,
    grads: Float32Array,
    gradOffset: number,
  ): void {
    stepAdagrad(page, offset, dim, grads, gradOffset, this.learningRate, this.epsilon, this.clip);
  }
}

function stepSgd(
  page: Float32Array,
  offset: number,
  dim: number,
  grads: Float32Array,
  gradOffset: number,
  learningRate: number,
  clip: number,
): void {
  for (let i = 0; i < dim; i++) {
    page[offset + i]! -= learningRate * Math.max(-clip, Math.min(clip, grads[gradOffset + i]!));
  }
}

/** In double precision; only what is stored is rounded to 32 bits. */
function stepAdagrad(
  page: Float32Array,
  offset: number,
  dim: number,
  grads: Float32Array,
  gradOffset: number,
  learningRate: number,
  epsilon: number,
  clip: number,
): void {
  for (let i = 0; i < dim; i++) {
    const gradient = Math.max(-clip, Math.min(clip, grads[gradOffset + i]!));
    const accumulator = page[offset + dim + i]! + gradient * gradient;
    page[offset + dim + i] = accumulator;
    page[offset + i]! -= (learningRate * gradient) / Math.sqrt(accumulator + epsilon);
  }
}
