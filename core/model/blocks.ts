import type { Rank, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Tf } from './backend.js';

/**
 * The differentiable operations that networks are built of. Each brings its own gradient, for two reasons:
 *
 * - tfjs differentiates a matrix product by products with transposed operands, and those fall off the fast path of the
 *   wasm backend (5 to 9 times slower from 64 examples on; a whole step 2 to 6 times, bench/training). Here the
 *   narrower operand is transposed explicitly and the product is a plain one.
 * - One block is one node on the tape, where its single operations would be ten: at 16 to 64 examples a step costs as
 *   much bookkeeping as arithmetic.
 *
 * It also means that tfjs-core needs no gradient registered.
 */
export interface Blocks {
  /** x·w + b, then max(0, ·) if `relu`. x [n, i], w [i, o], b [o] or null → [n, o]. */
  denseLayer(x: Tensor2D, w: Tensor2D, b: Tensor1D | null, relu: boolean): Tensor2D;
  /** Sum of each row: [n, c] → [n, 1]. */
  sumColumns(x: Tensor2D): Tensor2D;
  /** ½·Σ_f ((Σ_s v)² − Σ_s v²): all pairs of slots, in O(slots) (Rendle, 2010). [n, slots·k] → [n, 1]. */
  pairwiseInteractions(vectors: Tensor2D, slotCount: number): Tensor2D;
  /** [n, a] beside [n, b] → [n, a + b]. */
  concatColumns(left: Tensor2D, right: Tensor2D): Tensor2D;
  /** Sum of equal shapes. */
  add(terms: readonly Tensor2D[]): Tensor2D;
  /** x + b for every row: x [n, c], b [c]. */
  addBias(x: Tensor2D, b: Tensor1D): Tensor2D;
  /** Sum over the batch of weight · cross entropy, by logits, stable at both ends. All [n, c] → scalar. */
  crossEntropySum(logits: Tensor2D, labels: Tensor2D, weights: Tensor2D): Tensor;
  /** The same, but ½·(logit − label)² in the columns that `squared` [1, c] has a 1 for, and not a 0. */
  mixedLossSum(logits: Tensor2D, labels: Tensor2D, weights: Tensor2D, squared: Tensor2D): Tensor;
}

/** Gradients with respect to the inputs, in their order, given dy and the inputs followed by the output. */
type Backward = (dy: Tensor2D, saved: Tensor2D[]) => Tensor[];

export function createBlocks(tf: Tf): Blocks {
  return {
    denseLayer: denseLayerOf(tf),
    sumColumns: sumColumnsOf(tf),
    pairwiseInteractions: pairwiseInteractionsOf(tf),
    concatColumns: concatColumnsOf(tf),
    add: addOf(tf),
    addBias: addBiasOf(tf),
    crossEntropySum: crossEntropySumOf(tf),
    mixedLossSum: mixedLossSumOf(tf),
  };
}

function denseLayerOf(tf: Tf): Blocks['denseLayer'] {
  return (x, w, b, relu) =>
    block(
      tf,
      b === null ? [x, w] : [x, w, b],
      () => {
        // Bias of rank 1 by upload, not by reshape: the wasm kernel looks at the shape its memory was made with.
        const linear = (
          b === null ? tf.matMul(x, w) : tf.fused.matMul({ a: x, b: w, bias: b })
        ) as Tensor2D;
        return relu ? tf.relu<Tensor2D>(linear) : linear;
      },
      (dy, saved) => {
        const output = saved[saved.length - 1]!;
        const d = relu ? tf.mul<Tensor2D>(dy, tf.step(output)) : dy;
        const gradients: Tensor[] = [
          tf.matMul(d, transposed(tf, saved[1]!)),
          transposedProduct(tf, saved[0]!, d),
        ];
        if (b !== null) gradients.push(sumRows(tf, d));
        return gradients;
      },
    );
}

function sumColumnsOf(tf: Tf): Blocks['sumColumns'] {
  return (x) =>
    block(
      tf,
      [x],
      () => tf.sum<Tensor2D>(x, 1, true),
      (dy) => [tf.matMul(dy, onesRow(tf, x.shape[1]))],
    );
}

function pairwiseInteractionsOf(tf: Tf): Blocks['pairwiseInteractions'] {
  return (vectors, slotCount) => {
    const [n, width] = vectors.shape;
    const k = width / slotCount;
    return block(
      tf,
      [vectors],
      () => {
        const total = tf.sum<Tensor2D>(tf.reshape(vectors, [n, slotCount, k]), 1);
        const ofTotal = tf.sum<Tensor2D>(tf.square(total), 1, true);
        const ofEach = tf.sum<Tensor2D>(tf.square(vectors), 1, true);
        return tf.mul<Tensor2D>(tf.sub(ofTotal, ofEach), 0.5);
      },
      (dy, saved) => {
        // d/dv_s = (Σ v) − v_s. Copies of the sum by concat: tile is 40 times slower in wasm.
        const total = tf.sum<Tensor2D>(tf.reshape(saved[0]!, [n, slotCount, k]), 1);
        const copies = tf.concat(new Array<Tensor2D>(slotCount).fill(total), 1);
        return [tf.mul(tf.sub<Tensor2D>(copies, saved[0]!), dy)];
      },
    );
  };
}

function concatColumnsOf(tf: Tf): Blocks['concatColumns'] {
  return (left, right) =>
    block(
      tf,
      [left, right],
      () => tf.concat([left, right], 1),
      (dy) => [
        tf.slice(dy, [0, 0], [-1, left.shape[1]]),
        tf.slice(dy, [0, left.shape[1]], [-1, right.shape[1]]),
      ],
    );
}

function addOf(tf: Tf): Blocks['add'] {
  return (terms) =>
    block(
      tf,
      terms,
      () => terms.slice(1).reduce<Tensor2D>((sum, term) => tf.add(sum, term), terms[0]!),
      (dy) => terms.map(() => tf.clone(dy)),
    );
}

function addBiasOf(tf: Tf): Blocks['addBias'] {
  return (x, b) =>
    block(
      tf,
      [x, b],
      () => tf.add<Tensor2D>(x, b),
      (dy) => [tf.clone(dy), sumRows(tf, dy)],
    );
}

function crossEntropySumOf(tf: Tf): Blocks['crossEntropySum'] {
  return (logits, labels, weights) =>
    block(
      tf,
      [logits, labels, weights],
      // ln(1 + e^z) − y·z
      () => tf.sum(tf.mul(tf.sub(tf.softplus(logits), tf.mul(labels, logits)), weights)),
      (dy, [z, y, weight]) => [
        tf.mul(tf.mul(tf.sub(tf.sigmoid(z!), y!), weight!), dy),
        tf.zerosLike(y!),
        tf.zerosLike(weight!),
      ],
    );
}

function mixedLossSumOf(tf: Tf): Blocks['mixedLossSum'] {
  const mixed = (square: Tensor, other: Tensor, squared: Tensor): Tensor =>
    tf.add(tf.mul(square, squared), tf.mul(other, tf.sub(1, squared)));
  return (logits, labels, weights, squared) =>
    block(
      tf,
      [logits, labels, weights, squared],
      () => {
        const square = tf.mul(tf.square(tf.sub(logits, labels)), 1 / 2);
        const entropy = tf.sub(tf.softplus(logits), tf.mul(labels, logits));
        return tf.sum(tf.mul(mixed(square, entropy, squared), weights));
      },
      (dy, [z, y, weight, isSquared]) => [
        tf.mul(tf.mul(tf.sub(mixed(z!, tf.sigmoid(z!), isSquared!), y!), weight!), dy),
        ...[y!, weight!, isSquared!].map((each) => tf.zerosLike(each)),
      ],
    );
}

/** One node on the tape. */
function block<T extends Tensor>(
  tf: Tf,
  inputs: readonly Tensor[],
  forward: () => T,
  backward: Backward,
): T {
  const differentiable = tf.customGrad((...parameters) => {
    const save = parameters[inputs.length] as (tensors: Tensor[]) => void;
    const value = forward();
    save([...inputs, value]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => backward(dy as Tensor2D, saved as Tensor2D[]),
    };
  });
  return differentiable(...inputs);
}

function onesRow(tf: Tf, length: number): Tensor2D {
  return tf.ones<Rank.R2>([1, length]);
}

/** [n, c] → [c]; tf.sum over rows transposes first and takes 50 times as long at 1024 × 64. */
function sumRows(tf: Tf, x: Tensor2D): Tensor1D {
  return tf.reshape<Rank.R1>(tf.matMul(onesRow(tf, x.shape[0]), x), [x.shape[1]]);
}

/** xᵀ·d. Transposing costs more than multiplying here, so the narrower one is transposed; width 1 is free. */
function transposedProduct(tf: Tf, x: Tensor2D, d: Tensor2D): Tensor2D {
  return d.shape[1] < x.shape[1]
    ? transposed(tf, tf.matMul(transposed(tf, d), x))
    : tf.matMul(transposed(tf, x), d);
}

function transposed(tf: Tf, x: Tensor2D): Tensor2D {
  const [rows, columns] = x.shape;
  const flat = rows === 1 || columns === 1;
  return flat ? tf.reshape<Rank.R2>(x, [columns, rows]) : tf.transpose<Tensor2D>(x);
}
