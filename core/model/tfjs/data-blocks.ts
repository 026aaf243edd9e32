import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { BlockOptions } from '../graph.js';
import type { Tf } from './load-tf.js';
import type { BlockUse, TfBlock } from './tf-blocks.js';

/**
 * A block in plain loops, in double precision, part by part: a row, or what belongs to one example. tfjs has nothing that goes
 * over parts of different lengths, such as the occurrences of each example. Not fast; it is there to be compared with.
 */
export interface DataBlock {
  /** What of each operand belongs to a part; `whole`: all of it, as of a parameter. */
  readonly operands: readonly Share[];
  readonly output: 'row' | 'occurrences';
  /** Of the output. @param columns of each operand. */
  columns(columns: readonly number[], options: BlockOptions): number;
  /** @param y is 0 before. */
  forward(operands: readonly Float64Array[], y: Float64Array, of: PartShape): void;
  /** @param gradients are added to. */
  backward(part: {
    readonly d: Float64Array;
    readonly y: Float64Array;
    readonly operands: readonly Float64Array[];
    readonly gradients: readonly Float64Array[];
    readonly of: PartShape;
  }): void;
}

export type Share = 'row' | 'occurrences' | 'whole';

export interface PartShape {
  readonly options: BlockOptions;
  /** By operand. */
  readonly columns: readonly number[];
}

export function dataBlock(tf: Tf, block: DataBlock): TfBlock {
  const shapeOf = (operands: readonly Tensor2D[], { options }: BlockUse): PartShape => ({
    options,
    columns: operands.map(({ shape }) => shape[shape.length - 1]!),
  });
  return {
    forward(operands, use) {
      const of = shapeOf(operands, use);
      const parts = new Parts(block, use, operands);
      const columns = block.columns(of.columns, of.options);
      const y = new Float64Array(parts.outputRows * columns);
      const given = operands.map((each) => Float64Array.from(each.dataSync()));
      for (let part = 0; part < parts.count; part++)
        block.forward(parts.operands(part, given, of), parts.output(part, y, columns), of);
      return tf.tensor2d(Float32Array.from(y), [parts.outputRows, columns]);
    },
    backward(dy, operands, output, use) {
      const of = shapeOf(operands, use);
      const parts = new Parts(block, use, operands);
      const columns = output.shape[1];
      const [d, y] = [Float64Array.from(dy.dataSync()), Float64Array.from(output.dataSync())];
      const given = operands.map((each) => Float64Array.from(each.dataSync()));
      const gradients = given.map(({ length }) => new Float64Array(length));
      for (let part = 0; part < parts.count; part++)
        block.backward({
          d: parts.output(part, d, columns),
          y: parts.output(part, y, columns),
          operands: parts.operands(part, given, of),
          gradients: parts.operands(part, gradients, of),
          of,
        });
      return operands.map((each, i) => tf.tensor(Float32Array.from(gradients[i]!), each.shape));
    },
  };
}

class Parts {
  readonly count: number;
  readonly outputRows: number;
  readonly #block: DataBlock;
  readonly #offsets: Uint32Array;

  constructor(block: DataBlock, use: BlockUse, operands: readonly Tensor2D[]) {
    this.#block = block;
    const hasOccurrences = [block.output, ...block.operands].includes('occurrences');
    this.#offsets = hasOccurrences ? use.offsets() : new Uint32Array(0);
    this.count = hasOccurrences ? this.#offsets.length - 1 : operands[0]!.shape[0];
    this.outputRows = block.output === 'row' ? this.count : this.#offsets[this.count]!;
  }

  operands(part: number, all: readonly Float64Array[], { columns }: PartShape): Float64Array[] {
    return all.map((values, i) => this.#share(this.#block.operands[i]!, part, values, columns[i]!));
  }

  output(part: number, values: Float64Array, columns: number): Float64Array {
    return this.#share(this.#block.output, part, values, columns);
  }

  #share(share: Share, part: number, values: Float64Array, columns: number): Float64Array {
    if (share === 'whole') return values;
    if (share === 'row') return values.subarray(part * columns, (part + 1) * columns);
    const [start, end] = [this.#offsets[part]!, this.#offsets[part + 1]!];
    return values.subarray(start * columns, end * columns);
  }
}
