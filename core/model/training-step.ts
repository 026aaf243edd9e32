import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { assert } from '../base/assert.js';
import type { Backend } from './backend.js';
import { createBlocks, type Blocks } from './blocks.js';
import { denseLayout } from './dense-parameters.js';
import { networks } from './networks.js';
import { scaledDense, scalesIn } from './number-scales.js';
import type { ModelSpec } from './network.js';
import {
  joinRows,
  namedParameters,
  uploadInputs,
  uploadParameters,
  type PooledBatch,
} from './pooled-batch.js';

export interface LabelledBatch extends PooledBatch {
  /** f32 [rowCount × heads]: 0 or 1; of a head of squared loss a value. */
  readonly labels: Float32Array;
  /** f32 [rowCount × heads], importance of each label, ≥ 0 and not all 0; 0 where it is not known. */
  readonly weights: Float32Array;
}

/**
 * Two scales of gradient, on purpose. Rows get the SUM over the batch: a row is touched by few examples, and a step
 * for a user with one event must not shrink because a thousand strangers share the batch. Dense parameters are touched
 * by every example and get the MEAN, so that their learning rate does not depend on the batch size.
 */
export interface StepResult {
  /** Σ weight·loss / Σ weight; nats where each loss is cross entropy. */
  readonly loss: number;
  /** f32 [rowCount × heads], before the update. */
  readonly logits: Float32Array;
  /** f32 [rowCount × slotCount × (1 + factorDim)]: d(Σ weight·loss)/d(pooled). */
  readonly pooledGradient: Float32Array;
  /** f32 [parameters]: d(loss)/d(parameter). */
  readonly denseGradient: Float32Array;
}

/** One forward and backward pass; changes nothing and keeps nothing. Of what is behind the parameters of the network it looks at the scales of numbers. */
export type TrainingStep = (batch: LabelledBatch, denseParameters: Float32Array) => StepResult;

/** @param blocks replaces the differentiable operations; the benchmark's baseline does. */
export function createTrainingStep(
  backend: Backend,
  spec: ModelSpec,
  blocks: Blocks = createBlocks(backend.tf),
): TrainingStep {
  const { tf } = backend;
  const layout = denseLayout(spec);
  const network = networks[spec.network];
  const squared = spec.losses?.map((loss) => (loss === 'squared' ? 1 : 0));

  return (batch, denseParameters) => {
    const { rowCount, labels, weights } = batch;
    assert(rowCount > 0, 'a training step needs an example');
    assert(
      labels.length === rowCount * spec.heads && weights.length === rowCount * spec.heads,
      `labels and weights of ${rowCount} examples, ${spec.heads} each`,
    );
    // Results leave by assignment: tidy walks through what its function returns, element by element, in search of
    // tensors, which took more than half of a step of 1024 examples.
    let result: StepResult | undefined;
    tf.tidy(() => {
      result = differentiate(batch, denseParameters);
    });
    return result!;
  };

  function differentiate(batch: LabelledBatch, denseParameters: Float32Array): StepResult {
    const { rowCount, labels, weights } = batch;
    const scales = scalesIn(denseParameters.subarray(layout.size), spec);
    const dense = scaledDense(batch, spec, scales);
    const inputs = uploadInputs(tf, { ...batch, dense }, spec);
    const tensors = uploadParameters(tf, layout, denseParameters.subarray(0, layout.size));
    const labelColumns = tf.tensor2d(labels, [rowCount, spec.heads]);
    const weightColumns = tf.tensor2d(weights, [rowCount, spec.heads]);
    let logits = new Float32Array(0);
    const { value, grads } = tf.engine().gradients(() => {
      const output = network.forward(blocks, inputs, namedParameters(layout, tensors), spec);
      logits = readFloats(output);
      if (!squared) return blocks.crossEntropySum(output, labelColumns, weightColumns);
      return blocks.mixedLossSum(output, labelColumns, weightColumns, tf.tensor2d([squared]));
    }, [inputs.weights, inputs.vectors, ...tensors]) as {
      value: Tensor;
      grads: (Tensor | undefined)[];
    };
    const weightSum = sumOf(weights);
    assert(weightSum > 0, 'a training step needs an example of positive weight');
    const denseGradient = new Float32Array(layout.size);
    layout.entries.forEach((entry, i) => {
      const gradient = grads[2 + i];
      if (gradient) writeScaled(denseGradient, entry.offset, readFloats(gradient), 1 / weightSum);
    });
    const pooledGradient = joinRows(
      gradientOf(inputs.weights, grads[0]),
      gradientOf(inputs.vectors, grads[1]),
      spec.factorDim,
    );
    return { loss: readFloats(value)[0]! / weightSum, logits, pooledGradient, denseGradient };
  }
}

/** Zeros where a network has no use for an input. */
function gradientOf(input: Tensor2D, gradient: Tensor | undefined): Float32Array {
  return gradient ? readFloats(gradient) : new Float32Array(input.size);
}

function readFloats(tensor: Tensor): Float32Array<ArrayBuffer> {
  return tensor.dataSync() as Float32Array<ArrayBuffer>;
}

function writeScaled(
  target: Float32Array,
  offset: number,
  values: Float32Array,
  scale: number,
): void {
  for (let i = 0; i < values.length; i++) target[offset + i] = values[i]! * scale;
}

function sumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
