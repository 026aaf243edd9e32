import { mix32 } from '../core/base/hash.js';
import { EmbeddingTable, type TableSpec } from '../core/embedding/embedding-table.js';
import { sigmoid } from '../core/model/calibration.js';
import { uniformSequence } from '../audience/hashed-noise.js';
import { Taste } from '../audience/taste.js';

/**
 * Rows as training leaves them: a factorisation machine of one user row and one item row, learned with Adagrad from the
 * clicks of the simulated audience on random items. First weight: the first-order weight; the rest: factors.
 */
const factorDim = 16;
export const rowDim = 1 + factorDim;
export const userCount = 1000;
export const itemCount = 500;
const startMs = 1_767_225_600_000;

const spec: TableSpec = {
  slot: 0,
  dim: rowDim,
  initializer: { kind: 'uniform', minimum: -0.02, maximum: 0.02, zeroPrefix: 1 },
  optimizer: { kind: 'adagrad', learningRate: 0.05 },
  seed: 42,
};

export interface TrainedRows {
  /** u32 pairs: users 0 … userCount - 1, then items as userCount + item. */
  readonly fids: Uint32Array;
  /** f32 [(userCount + itemCount) × rowDim]. */
  readonly weights: Float32Array;
  /** Clicks on pairs that were not trained on: user, item, label by turns. */
  readonly heldOut: Int32Array;
}

export function trainRows(sampleCount: number, heldOutCount: number): TrainedRows {
  const taste = new Taste({
    users: userCount,
    items: itemCount,
    factorDim: 4,
    slateSize: 10,
    driftPerSecond: 0.001,
    seed: 1,
  });
  const table = new EmbeddingTable(spec);
  const draw = uniformSequence(mix32(7));
  const fids = new Uint32Array(4);
  const rows = new Float32Array(2 * rowDim);
  const grads = new Float32Array(2 * rowDim);
  for (let n = 0; n < sampleCount; n++) {
    const user = Math.floor(draw() * userCount);
    const item = Math.floor(draw() * itemCount);
    fids[0] = user;
    fids[2] = userCount + item;
    table.pull(fids, 0, 2, rows, 0);
    const label = draw() < taste.clickProbability(user, item, startMs) ? 1 : 0;
    const error = sigmoid(logitOf(rows, 0, rows, rowDim)) - label;
    grads[0] = grads[rowDim] = error;
    for (let d = 1; d < rowDim; d++) {
      grads[d] = error * rows[rowDim + d]!;
      grads[rowDim + d] = error * rows[d]!;
    }
    table.push(fids, 0, 2, grads, 0, 1, 0);
  }
  const all = Uint32Array.from({ length: 2 * (userCount + itemCount) }, (_, i) =>
    i % 2 ? 0 : i / 2,
  );
  const weights = new Float32Array((userCount + itemCount) * rowDim);
  table.pull(all, 0, userCount + itemCount, weights, 0);
  const heldOut = new Int32Array(3 * heldOutCount);
  for (let i = 0; i < heldOut.length; i += 3) {
    heldOut[i] = Math.floor(draw() * userCount);
    heldOut[i + 1] = Math.floor(draw() * itemCount);
    const probability = taste.clickProbability(heldOut[i]!, heldOut[i + 1]!, startMs);
    heldOut[i + 2] = draw() < probability ? 1 : 0;
  }
  return { fids: all, weights, heldOut };
}

/** First-order weights and the product of the factors of two rows. */
export function logitOf(
  left: Float32Array,
  leftStart: number,
  right: Float32Array,
  rightStart: number,
): number {
  let logit = left[leftStart]! + right[rightStart]!;
  for (let d = 1; d < rowDim; d++) logit += left[leftStart + d]! * right[rightStart + d]!;
  return logit;
}
