import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Tf } from './load-tf.js';

/**
 * Σ weight · loss over the batch, by logits, stable at both ends: cross entropy, or ½·(logit − label)² in the columns that
 * `squared` [1, c] has a 1 for, and not a 0. All others [n, c] → scalar.
 */
export function lossSum(
  tf: Tf,
  logits: Tensor2D,
  labels: Tensor2D,
  weights: Tensor2D,
  squared: Tensor2D | null,
): Tensor {
  const inputs = [logits, labels, weights];
  const mixed = (square: Tensor, other: Tensor): Tensor =>
    squared === null ? other : tf.add(tf.mul(square, squared), tf.mul(other, tf.sub(1, squared)));
  const differentiable = tf.customGrad((...parameters) => {
    const save = parameters[inputs.length] as (tensors: Tensor[]) => void;
    save(inputs);
    const square = tf.mul(tf.square(tf.sub(logits, labels)), 1 / 2);
    // ln(1 + e^z) − y·z
    const entropy = tf.sub(tf.softplus(logits), tf.mul(labels, logits));
    return {
      value: tf.sum(tf.mul(mixed(square, entropy), weights)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [z, y, weight] = saved as [Tensor, Tensor, Tensor];
        return [
          tf.mul(tf.mul(tf.sub(mixed(z, tf.sigmoid(z)), y), weight), dy),
          tf.zerosLike(y),
          tf.zerosLike(weight),
        ];
      },
    };
  });
  return differentiable(...inputs);
}
