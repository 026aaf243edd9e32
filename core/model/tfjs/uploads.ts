import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { DenseLayout } from '../dense-parameters.js';
import type { ModelSpec } from '../network.js';
import type { PooledBatch } from '../pooled-batch.js';
import { plainColumns, plainDenseCount } from '../projection.js';
import type { Tf } from './load-tf.js';

export interface UploadedInputs {
  readonly weights: Tensor2D;
  readonly vectors: Tensor2D;
  readonly dense: Tensor2D | null;
  readonly projected: readonly Tensor2D[];
}

/**
 * Splits rows into first-order weights and vectors on the way into tensors. In a plain loop, because the upload copies
 * anyway, and slicing in tfjs would bring two more operations and their gradients into every step.
 */
export function uploadInputs(tf: Tf, batch: PooledBatch, spec: ModelSpec): UploadedInputs {
  const { rowCount, pooled, dense } = batch;
  const k = spec.factorDim;
  const cells = rowCount * spec.slotCount;
  const weights = new Float32Array(cells);
  const vectors = new Float32Array(cells * k);
  for (let cell = 0, source = 0, target = 0; cell < cells; cell++) {
    weights[cell] = pooled[source++]!;
    for (let d = 0; d < k; d++) vectors[target++] = pooled[source++]!;
  }
  return {
    weights: tf.tensor2d(weights, [rowCount, spec.slotCount]),
    vectors: tf.tensor2d(vectors, [rowCount, spec.slotCount * k]),
    ...uploadDense(tf, dense, rowCount, spec),
  };
}

/** Vectors apart from the numbers around them. */
function uploadDense(
  tf: Tf,
  dense: Float32Array,
  rowCount: number,
  spec: ModelSpec,
): Pick<UploadedInputs, 'dense' | 'projected'> {
  const { denseCount, vectors = [] } = spec;
  if (denseCount === 0) return { dense: null, projected: [] };
  if (vectors.length === 0)
    return { dense: tf.tensor2d(dense, [rowCount, denseCount]), projected: [] };
  const projected = vectors.map(({ at, width }) => {
    const numbers = new Float32Array(rowCount * width);
    for (let row = 0; row < rowCount; row++) {
      const start = row * denseCount + at;
      numbers.set(dense.subarray(start, start + width), row * width);
    }
    return tf.tensor2d(numbers, [rowCount, width]);
  });
  const plainCount = plainDenseCount(spec);
  if (plainCount === 0) return { dense: null, projected };
  const plain = new Float32Array(rowCount * plainCount);
  const columns = plainColumns(spec);
  for (let row = 0, target = 0; row < rowCount; row++)
    for (const column of columns) plain[target++] = dense[row * denseCount + column]!;
  return { dense: tf.tensor2d(plain, [rowCount, plainCount]), projected };
}

/** The inverse of the split, for gradients: [w, v₁ … v_k] per cell. */
export function joinRows(
  weights: Float32Array,
  vectors: Float32Array,
  factorDim: number,
): Float32Array {
  const rows = new Float32Array(weights.length + vectors.length);
  for (let cell = 0, source = 0, target = 0; cell < weights.length; cell++) {
    rows[target++] = weights[cell]!;
    for (let d = 0; d < factorDim; d++) rows[target++] = vectors[source++]!;
  }
  return rows;
}

/** One tensor per declared parameter, in the layout's order and of the declared shape. */
export function uploadParameters(tf: Tf, layout: DenseLayout, values: Float32Array): Tensor[] {
  return layout.entries.map(({ shape, offset, size }) =>
    // A copy: the cpu backend keeps what it is given, and the caller goes on changing its array.
    tf.tensor(values.slice(offset, offset + size), [...shape]),
  );
}
