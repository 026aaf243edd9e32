import type { Rank, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { BlockName } from '../blocks.js';
import type { BlockOptions } from '../graph.js';
import { dataBlock, type DataBlock } from './data-blocks.js';
import type { Tf } from './load-tf.js';
import { occurrenceBlocks } from './occurrence-blocks.js';

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
    sliceColumns: sliceColumns(tf),
    softmaxParts: softmaxParts(tf),
    add: add(tf),
    addBias: addBias(tf),
    dotInteractions: dataBlock(tf, dotInteractions),
    multiply: multiply(tf),
    scaleRows: scaleRows(tf),
    sigmoid: sigmoid(tf),
    layerNorm: layerNorm(tf),
    normalizeRows: normalizeRows(tf),
    ...occurrenceBlocks(tf),
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

function sliceColumns(tf: Tf): TfBlock {
  return {
    forward: ([x], { options: { from = 0, count = 1 } }) => tf.slice(x!, [0, from], [-1, count]),
    backward: (dy, [x], _output, { options: { from = 0 } }) => {
      const behind = x!.shape[1] - from - dy.shape[1];
      return [
        tf.pad(dy, [
          [0, 0],
          [from, behind],
        ]),
      ];
    },
  };
}

/** [n, count·c] as [n, count, c]. */
function softmaxParts(tf: Tf): TfBlock {
  const inParts = (x: Tensor2D, count: number) =>
    tf.reshape<Rank.R3>(x, [x.shape[0], count, x.shape[1] / count]);
  return {
    forward([x], { options: { count = 1 } }) {
      const parts = inParts(x!, count);
      const powers = tf.exp(tf.sub(parts, tf.max(parts, 1, true)));
      return tf.reshape<Rank.R2>(tf.div(powers, tf.sum(powers, 1, true)), x!.shape);
    },
    backward(dy, [x], output, { options: { count = 1 } }) {
      const [d, y] = [inParts(dy, count), inParts(output, count)];
      const along = tf.sum(tf.mul(d, y), 1, true);
      return [tf.reshape<Rank.R2>(tf.mul(y, tf.sub(d, along)), x!.shape)];
    },
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

const dotInteractions: DataBlock = {
  operands: ['row'],
  output: 'row',
  columns: (_columns, { count = 1 }) => (count * (count - 1)) / 2,
  forward([v], y, { options: { count = 1 } }) {
    const k = v!.length / count;
    let at = 0;
    for (let a = 0; a < count; a++)
      for (let b = a + 1; b < count; b++, at++)
        for (let f = 0; f < k; f++) y[at]! += v![a * k + f]! * v![b * k + f]!;
  },
  backward({ d, operands: [v], gradients: [dv], of }) {
    const { count = 1 } = of.options;
    const k = v!.length / count;
    let at = 0;
    for (let a = 0; a < count; a++)
      for (let b = a + 1; b < count; b++, at++)
        for (let f = 0; f < k; f++) {
          dv![a * k + f]! += d[at]! * v![b * k + f]!;
          dv![b * k + f]! += d[at]! * v![a * k + f]!;
        }
  },
};

function multiply(tf: Tf): TfBlock {
  return {
    forward: ([left, right]) => tf.mul<Tensor2D>(left!, right!),
    backward: (dy, [left, right]) => [tf.mul(dy, right!), tf.mul(dy, left!)],
  };
}

function scaleRows(tf: Tf): TfBlock {
  return {
    forward: ([x, factors]) => tf.mul<Tensor2D>(x!, factors!),
    backward: (dy, [x, factors]) => [tf.mul(dy, factors!), tf.sum(tf.mul(dy, x!), 1, true)],
  };
}

function sigmoid(tf: Tf): TfBlock {
  return {
    forward: ([x]) => tf.sigmoid<Tensor2D>(x!),
    backward: (dy, _operands, y) => [tf.mul(dy, tf.mul(y, tf.sub(1, y)))],
  };
}

const epsilon = 1e-5;

function layerNorm(tf: Tf): TfBlock {
  const standardized = (x: Tensor2D): readonly [Tensor2D, Tensor2D] => {
    const centred = tf.sub<Tensor2D>(x, tf.mean(x, 1, true));
    const variance = tf.mean<Tensor2D>(tf.square(centred), 1, true);
    const scale = tf.div<Tensor2D>(1, tf.sqrt(tf.add(variance, epsilon)));
    return [tf.mul<Tensor2D>(centred, scale), scale];
  };
  return {
    forward: ([x, gain, bias]) => tf.add<Tensor2D>(tf.mul(standardized(x!)[0], gain!), bias!),
    backward(dy, [x, gain]) {
      const [normal, scale] = standardized(x!);
      const d = tf.mul<Tensor2D>(dy, gain!);
      const along = tf.mean<Tensor2D>(tf.mul(d, normal), 1, true);
      const centred = tf.sub(tf.sub(d, tf.mean(d, 1, true)), tf.mul(normal, along));
      return [tf.mul(centred, scale), sumRows(tf, tf.mul<Tensor2D>(dy, normal)), sumRows(tf, dy)];
    },
  };
}

function normalizeRows(tf: Tf): TfBlock {
  const lengths = (x: Tensor2D): Tensor2D => tf.maximum(tf.norm(x, 2, 1, true), 1e-6);
  return {
    forward: ([x]) => tf.div<Tensor2D>(x!, lengths(x!)),
    backward(dy, [x], y) {
      const along = tf.sum<Tensor2D>(tf.mul(dy, y), 1, true);
      // Of a row that is shorter than the least length nothing is taken away.
      const isLong = tf.cast(tf.greater(tf.norm(x!, 2, 1, true), 1e-6), 'float32');
      return [tf.div(tf.sub(dy, tf.mul(tf.mul(y, along), isLong)), lengths(x!))];
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
