import { dataBlock, type DataBlock, type PartShape } from './data-blocks.js';
import type { Tf } from './load-tf.js';
import type { TfBlock } from './tf-blocks.js';

/** Blocks on the occurrences of each example. */
export function occurrenceBlocks(tf: Tf) {
  return {
    pool: dataBlock(tf, pool),
    repeat: dataBlock(tf, repeat),
    softmaxOccurrences: dataBlock(tf, softmaxOccurrences),
    addPositions: dataBlock(tf, addPositions),
    attention: dataBlock(tf, attention),
  } satisfies Readonly<Record<string, TfBlock>>;
}

const same: DataBlock['columns'] = ([columns]) => columns!;

const poolScale = (length: number, { options, columns }: PartShape): number =>
  options.pooling === 'mean' && length > columns[0]! ? columns[0]! / length : 1;

const pool: DataBlock = {
  operands: ['occurrences'],
  output: 'row',
  columns: same,
  forward([x], y, of) {
    const scale = poolScale(x!.length, of);
    x!.forEach((value, i) => (y[i % y.length]! += value * scale));
  },
  backward({ d, gradients: [dx], of }) {
    const scale = poolScale(dx!.length, of);
    for (let i = 0; i < dx!.length; i++) dx![i]! += d[i % d.length]! * scale;
  },
};

const repeat: DataBlock = {
  operands: ['row', 'occurrences'],
  output: 'occurrences',
  columns: same,
  forward([x], y) {
    for (let i = 0; i < y.length; i++) y[i] = x![i % x!.length]!;
  },
  backward({ d, gradients: [dx] }) {
    d.forEach((value, i) => (dx![i % dx!.length]! += value));
  },
};

const softmaxOccurrences: DataBlock = {
  operands: ['occurrences'],
  output: 'occurrences',
  columns: same,
  forward([x], y, { columns: [c] }) {
    for (let column = 0; column < c!; column++) softmax(x!, y, column, c!);
  },
  backward({ d, y, gradients: [dx], of }) {
    const c = of.columns[0]!;
    for (let column = 0; column < c; column++) softmaxBack(d, y, dx!, column, c);
  },
};

const addPositions: DataBlock = {
  operands: ['occurrences', 'whole'],
  output: 'occurrences',
  columns: same,
  forward([x, table], y, { columns: [c] }) {
    x!.forEach((value, i) => (y[i] = value + table![positionOf(i, c!, table!.length)]!));
  },
  backward({ d, gradients: [dx, ofTable], of }) {
    const c = of.columns[0]!;
    d.forEach((value, i) => {
      dx![i]! += value;
      ofTable![positionOf(i, c, ofTable!.length)]! += value;
    });
  },
};

/** Of a number, its place in the table; what is beyond the last row has the last. */
function positionOf(i: number, columns: number, length: number): number {
  return i < length ? i : length - columns + (i % columns);
}

const attention: DataBlock = {
  operands: ['occurrences', 'occurrences', 'occurrences'],
  output: 'occurrences',
  columns: same,
  forward([q, k, v], y, of) {
    eachHead(of, q!.length, (head) => {
      const { at, width, count, columns } = head;
      const shares = attentionShares(q!, k!, head);
      for (let i = 0; i < count; i++)
        for (let j = 0; j < count; j++)
          for (let f = 0; f < width; f++)
            y[i * columns + at + f]! += shares[i * count + j]! * v![j * columns + at + f]!;
    });
  },
  backward({ d, operands: [q, k, v], gradients: [dq, dk, dv], of }) {
    eachHead(of, d.length, (head) => {
      const { at, width, count, columns } = head;
      const shares = attentionShares(q!, k!, head);
      const scale = 1 / Math.sqrt(width);
      for (let i = 0; i < count; i++) {
        const ofShares = new Float64Array(count);
        for (let j = 0; j < count; j++)
          for (let f = 0; f < width; f++) {
            const slope = d[i * columns + at + f]!;
            ofShares[j]! += slope * v![j * columns + at + f]!;
            dv![j * columns + at + f]! += slope * shares[i * count + j]!;
          }
        const ofScores = new Float64Array(count);
        softmaxBack(ofShares, shares.subarray(i * count, (i + 1) * count), ofScores, 0, 1);
        for (let j = 0; j < count; j++)
          for (let f = 0; f < width; f++) {
            dq![i * columns + at + f]! += ofScores[j]! * scale * k![j * columns + at + f]!;
            dk![j * columns + at + f]! += ofScores[j]! * scale * q![i * columns + at + f]!;
          }
      }
    });
  },
};

interface Head {
  /** First column. */
  readonly at: number;
  readonly width: number;
  /** Occurrences. */
  readonly count: number;
  readonly columns: number;
  readonly causal: boolean;
}

function eachHead(of: PartShape, length: number, visit: (head: Head) => void): void {
  const columns = of.columns[0]!;
  const width = columns / of.options.count!;
  const causal = of.options.mask === 'causal';
  for (let at = 0; at < columns; at += width)
    visit({ at, width, count: length / columns, columns, causal });
}

/** By pair of occurrences, what share of the second is in the first. */
function attentionShares(q: Float64Array, k: Float64Array, head: Head): Float64Array {
  const { at, width, count, columns, causal } = head;
  const shares = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    const scores = new Float64Array(count);
    for (let j = 0; j < count; j++)
      for (let f = 0; f < width; f++)
        scores[j]! += (q[i * columns + at + f]! * k[j * columns + at + f]!) / Math.sqrt(width);
    // Those before it are newer.
    const from = causal ? i : 0;
    softmax(scores.subarray(from), shares.subarray(i * count + from, (i + 1) * count), 0, 1);
  }
  return shares;
}

/** Of numbers `stride` apart. */
function softmax(x: Float64Array, y: Float64Array, first: number, stride: number): void {
  let max = -Infinity;
  for (let i = first; i < x.length; i += stride) max = Math.max(max, x[i]!);
  let sum = 0;
  for (let i = first; i < x.length; i += stride) sum += y[i] = Math.exp(x[i]! - max);
  for (let i = first; i < x.length; i += stride) y[i]! /= sum;
}

function softmaxBack(
  d: Float64Array,
  y: Float64Array,
  dx: Float64Array,
  first: number,
  stride: number,
): void {
  let along = 0;
  for (let i = first; i < d.length; i += stride) along += d[i]! * y[i]!;
  for (let i = first; i < d.length; i += stride) dx[i]! += y[i]! * (d[i]! - along);
}
