import { assert } from '../base/assert.js';
import type { Backend } from './backend.js';
import type { Labels, RowStepResult, StepResult } from './executor.js';
import { graphOf } from './graph.js';
import { scaledDense, scalesIn } from './number-scales.js';
import type { ModelSpec } from './network.js';
import {
  requireDense,
  requirePooled,
  requireRows,
  type PooledBatch,
  type RowsBatch,
} from './pooled-batch.js';

export interface LabelledBatch extends PooledBatch, Labels {}
export interface LabelledRows extends RowsBatch, Labels {}

/** One forward and backward pass; changes nothing and keeps nothing. Of what is behind the parameters of the network it looks at the scales of numbers. */
export type TrainingStep = (batch: LabelledBatch, denseParameters: Float32Array) => StepResult;

/** The same from rows as they were pulled to what each of them learns. */
export type RowStep = (batch: LabelledRows, denseParameters: Float32Array) => RowStepResult;

export function createTrainingStep(backend: Backend, spec: ModelSpec): TrainingStep {
  const graph = graphOf(spec, undefined, 'training');
  const trainer = backend.executor.trainer(graph);
  return (batch, denseParameters) => {
    requireLabels(batch, spec);
    requirePooled(batch, spec);
    return trainer.pooled(...seen(batch, denseParameters, spec, graph.layout.size));
  };
}

/** @param options squares: whether results have them, for optimizers that count single gradients. */
export function createRowStep(
  backend: Backend,
  spec: ModelSpec,
  { squares = false } = {},
): RowStep {
  const graph = graphOf(spec, undefined, 'training');
  const trainer = backend.executor.trainer(graph);
  return (batch, denseParameters) => {
    requireLabels(batch, spec);
    requireRows(batch, spec);
    assert(batch.shared === undefined, 'what is learned from names all of its rows');
    return trainer.rows(...seen(batch, denseParameters, spec, graph.layout.size), squares);
  };
}

function requireLabels(
  { rowCount, labels, weights }: Labels & { readonly rowCount: number },
  { heads }: ModelSpec,
): void {
  assert(rowCount > 0, 'a training step needs an example');
  assert(
    labels.length === rowCount * heads && weights.length === rowCount * heads,
    `labels and weights of ${rowCount} examples, ${heads} each`,
  );
  assert(
    weights.some((weight) => weight > 0),
    'a training step needs an example of positive weight',
  );
}

/** The batch as the network sees it, and the parameters that are the network's. */
function seen<B extends Pick<PooledBatch, 'rowCount' | 'dense'> & Labels>(
  batch: B,
  parameters: Float32Array,
  spec: ModelSpec,
  size: number,
): [B, Float32Array] {
  requireDense(batch, spec);
  assert(
    parameters.length >= size,
    `${parameters.length} dense parameters, the network has ${size}`,
  );
  const scales = scalesIn(parameters.subarray(size), spec);
  const dense = scaledDense(batch, spec, scales);
  const labels = smoothedLabels(batch.labels, spec);
  return [{ ...batch, dense, labels }, parameters.subarray(0, size)];
}

/** Towards a half (Szegedy et al., 2016), so that no logit is to be without end. */
function smoothedLabels(
  labels: Float32Array,
  { heads, losses, labelSmoothing = 0 }: ModelSpec,
): Float32Array {
  if (labelSmoothing === 0) return labels;
  return labels.map((label, i) =>
    losses?.[i % heads] === 'squared' ? label : label * (1 - labelSmoothing) + labelSmoothing / 2,
  );
}
