import type { Rank, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { BlockName } from '../blocks.js';
import type { BlockOptions } from '../graph.js';
import type { Tf } from './load-tf.js';

/**
 * The blocks as operations of TensorFlow.js. Each brings its own gradient, for two reasons:
 *
 * - tfjs differentiates a matrix product by products with transposed operands, and those fall off the fast path of the
 *   wasm backend (5 to 9 times slower from 64 examples on; a whole step 2 to 6 times). Here the
 *   narrower operand is transposed explicitly and the product is a plain one.
 * - One block is one node on the tape, where its single operations would be ten: at 16 to 64 examples a step costs as
 *   much bookkeeping as arithmetic.
 *
 * It also means that tfjs-core needs no gradient registered.
 */
export interface TfBlock {
  forward(operands: readonly Tensor2D[], of: BlockUse): Tensor2D;
  /** Gradients of the operands, in their order. */
  backward(dy: Tensor2D, operands: readonly Tensor2D[], output: Tensor2D, of: BlockUse): Tensor[];
}

export interface BlockUse {
  readonly options: BlockOptions;
  /** u32 [n + 1]: where the occurrences of each example begin and end, of the slot whose rows are the block's, or pooled by it. */
  readonly offsets: () => Uint32Array;
}

export function tfBlocks(tf: Tf): Readonly<Record<BlockName, TfBlock>> {
  return {
    denseLayer: denseLayer(tf),
    sumColumns: sumColumns(tf),
    pairwiseInteractions: pairwiseInteractions(tf),
    concatColumns: concatColumns(tf),
    add: add(tf),
    addBias: addBias(tf),
    pool: pool(tf),
  };
}

/** One node on the tape. */
export function applyBlock(
  tf: Tf,
  block: TfBlock,
  operands: readonly Tensor2D[],
  of: BlockUse,
): Tensor2D {
  const differentiable = tf.customGrad((...parameters) => {
    const save = parameters[operands.length] as (tensors: Tensor[]) => void;
    const value = block.forward(operands, of);
    save([...operands, value]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const inputs = saved.slice(0, operands.length) as Tensor2D[];
        return block.backward(dy as Tensor2D, inputs, saved[operands.length] as Tensor2D, of);
      },
    };
  });
  return differentiable(...operands);
}

function denseLayer(tf: Tf): TfBlock {
  return {
    forward([x, w, b], { options: { relu } }) {
      // Bias of rank 1 by upload, not by reshape: the wasm kernel looks at the shape its memory was made with.
      const linear = (
        b ? tf.fused.matMul({ a: x!, b: w!, bias: b }) : tf.matMul(x!, w!)
      ) as Tensor2D;
      return relu ? tf.relu<Tensor2D>(linear) : linear;
    },
    backward(dy, [x, w, b], output, { options: { relu } }) {
      const d = relu ? tf.mul<Tensor2D>(dy, tf.step(output)) : dy;
      const gradients: Tensor[] = [tf.matMul(d, transposed(tf, w!)), transposedProduct(tf, x!, d)];
      if (b) gradients.push(sumRows(tf, d));
      return gradients;
    },
  };
}

function sumColumns(tf: Tf): TfBlock {
  return {
    forward: ([x]) => tf.sum<Tensor2D>(x!, 1, true),
    backward: (dy, [x]) => [tf.matMul(dy, onesRow(tf, x!.shape[1]))],
  };
}

function pairwiseInteractions(tf: Tf): TfBlock {
  const total = (vectors: Tensor2D, count: number): Tensor2D => {
    const [n, width] = vectors.shape;
    return tf.sum<Tensor2D>(tf.reshape(vectors, [n, count, width / count]), 1);
  };
  return {
    forward([vectors], { options }) {
      const ofTotal = tf.sum<Tensor2D>(tf.square(total(vectors!, options.count!)), 1, true);
      const ofEach = tf.sum<Tensor2D>(tf.square(vectors!), 1, true);
      return tf.mul<Tensor2D>(tf.sub(ofTotal, ofEach), 0.5);
    },
    backward(dy, [vectors], _output, { options }) {
      // d/dv_s = (Σ v) − v_s. Copies of the sum by concat: tile is 40 times slower in wasm.
      const { count = 1 } = options;
      const copies = tf.concat(new Array<Tensor2D>(count).fill(total(vectors!, count)), 1);
      return [tf.mul(tf.sub<Tensor2D>(copies, vectors!), dy)];
    },
  };
}

function concatColumns(tf: Tf): TfBlock {
  return {
    forward: ([left, right]) => tf.concat([left!, right!], 1),
    backward: (dy, [left, right]) => [
      tf.slice(dy, [0, 0], [-1, left!.shape[1]]),
      tf.slice(dy, [0, left!.shape[1]], [-1, right!.shape[1]]),
    ],
  };
}

function add(tf: Tf): TfBlock {
  return {
    forward: ([first, ...others]) =>
      others.length === 0
        ? tf.clone(first!)
        : others.reduce<Tensor2D>((sum, term) => tf.add(sum, term), first!),
    backward: (dy, terms) => terms.map(() => tf.clone(dy)),
  };
}

function addBias(tf: Tf): TfBlock {
  return {
    forward: ([x, b]) => tf.add<Tensor2D>(x!, b!),
    backward: (dy) => [tf.clone(dy), sumRows(tf, dy)],
  };
}

/** In plain loops: tfjs has no sum over parts of different lengths that is quick, and this is here to be compared with. */
function pool(tf: Tf): TfBlock {
  const scaleOf = (count: number, { pooling }: BlockOptions): number =>
    pooling === 'mean' && count > 1 ? 1 / count : 1;
  return {
    forward([x], { options, offsets }) {
      const at = offsets();
      const columns = x!.shape[1];
      const values = x!.dataSync();
      const pooled = new Float32Array((at.length - 1) * columns);
      for (let row = 0; row + 1 < at.length; row++) {
        const scale = scaleOf(at[row + 1]! - at[row]!, options);
        for (let i = at[row]! * columns; i < at[row + 1]! * columns; i++)
          pooled[row * columns + (i % columns)]! += values[i]! * scale;
      }
      return tf.tensor2d(pooled, [at.length - 1, columns]);
    },
    backward(dy, [x], _output, { options, offsets }) {
      const at = offsets();
      const columns = x!.shape[1];
      const values = dy.dataSync();
      const gradient = new Float32Array(x!.size);
      for (let row = 0; row + 1 < at.length; row++) {
        const scale = scaleOf(at[row + 1]! - at[row]!, options);
        for (let i = at[row]! * columns; i < at[row + 1]! * columns; i++)
          gradient[i] = values[row * columns + (i % columns)]! * scale;
      }
      return [tf.tensor2d(gradient, [x!.shape[0], columns])];
    },
  };
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
