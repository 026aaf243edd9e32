import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { assert } from '../../base/assert.js';
import type { BlockName } from '../blocks.js';
import type {
  DenseVersion,
  Executor,
  GraphScorer,
  GraphTrainer,
  Labels,
  RowStepResult,
  StepResult,
} from '../executor.js';
import { dropoutColumns, dropoutSeed } from '../dropout.js';
import type { Graph, InputNode } from '../graph.js';
import { pooledOf, type PooledBatch, type RowsBatch } from '../pooled-batch.js';
import { poolRows } from '../row-gather.js';
import type { Tf } from './load-tf.js';
import {
  addOccurrences,
  gatherOccurrences,
  occurrenceMarks,
  placeGradients,
  sumByRow,
  type Occurrences,
} from './occurrences.js';
import { applyBlock, tfBlocks, type TfBlock } from './tf-blocks.js';
import { lossSum } from './tf-loss.js';
import { joinRows, uploadInputs, uploadParameters, type UploadedInputs } from './uploads.js';

/** Networks by TensorFlow.js: the reference that others are compared with, and the way to TensorFlow. */
export function tfExecutor(tf: Tf): Executor {
  const blocks = tfBlocks(tf);
  return {
    missing: () => [],
    trainer: (graph) => new TfTrainer(tf, blocks, graph),
    scorer: (graph) => new TfScorer(tf, blocks, graph),
  };
}

type Blocks = Readonly<Record<BlockName, TfBlock>>;

interface SlotOccurrences extends Occurrences {
  /** Where the network looks at what is known of each. */
  readonly marks?: ReturnType<typeof occurrenceMarks>;
}

/** Rows one by one of the slots that the network looks at so. */
type BySlot = ReadonlyMap<number, SlotOccurrences>;

const nothing: BySlot = new Map();

/** With rows, where they came so. */
type Learned = PooledBatch & Labels & Partial<Pick<RowsBatch, 'rows'>>;

interface TfStepResult extends StepResult {
  readonly bySlot: readonly (readonly [slot: number, gradient: Float32Array])[];
}

class TfTrainer implements GraphTrainer {
  readonly #tf: Tf;
  readonly #blocks: Blocks;
  readonly #graph: Graph;
  readonly #squared: readonly number[] | undefined;

  constructor(tf: Tf, blocks: Blocks, graph: Graph) {
    this.#tf = tf;
    this.#blocks = blocks;
    this.#graph = graph;
    this.#squared = graph.spec.losses?.map((loss) => (loss === 'squared' ? 1 : 0));
  }

  pooled(batch: PooledBatch & Labels, parameters: Float32Array): StepResult {
    const { pooledGradient, denseGradient, loss, logits } = this.#step(batch, parameters, nothing);
    return { loss, logits, pooledGradient, denseGradient };
  }

  rows(batch: RowsBatch & Labels, parameters: Float32Array, squares: boolean): RowStepResult {
    const { rows, pooling } = batch;
    const pooled = poolRows(pooling, rows);
    const bySlot = occurrencesOf(this.#graph, batch);
    const result = this.#step({ ...batch, pooled }, parameters, bySlot);
    const places = placeGradients(pooling, result.pooledGradient);
    for (const [slot, gradient] of result.bySlot)
      addOccurrences(bySlot.get(slot)!, gradient, pooling.dim, places);
    const rowGradient = sumByRow(pooling, places, rows.length);
    const { loss, logits, denseGradient } = result;
    if (!squares) return { loss, logits, rowGradient, denseGradient };
    const rowSquares = sumByRow(
      pooling,
      places.map((value) => value * value),
      rows.length,
    );
    return { loss, logits, rowGradient, rowSquares, denseGradient };
  }

  #step(batch: Learned, parameters: Float32Array, bySlot: BySlot): TfStepResult {
    // Results leave by assignment: tidy walks through what its function returns, element by element, in search of
    // tensors, which took more than half of a step of 1024 examples.
    let result: TfStepResult | undefined;
    this.#tf.tidy(() => {
      result = this.#differentiate(batch, parameters, bySlot);
    });
    return result!;
  }

  #differentiate(batch: Learned, parameters: Float32Array, bySlot: BySlot): TfStepResult {
    const tf = this.#tf;
    const { layout, spec } = this.#graph;
    const { rowCount, labels, weights } = batch;
    const inputs = uploadInputs(tf, batch, spec);
    const tensors = uploadParameters(tf, layout, parameters);
    const slots = [...bySlot].map(([slot, { values, count }]) => {
      return { slot, tensor: tf.tensor2d(values, [count, 1 + spec.factorDim]) };
    });
    const labelColumns = tf.tensor2d(labels, [rowCount, spec.heads]);
    const weightColumns = tf.tensor2d(weights, [rowCount, spec.heads]);
    const squared = this.#squared ? tf.tensor2d([[...this.#squared]]) : null;
    let logits = new Float32Array(0);
    const occurrences = new Map(slots.map(({ slot, tensor }) => [slot, tensor]));
    const { value, grads } = tf.engine().gradients(() => {
      const seed = dropoutSeed(batch.rows ?? batch.pooled, labels, parameters);
      const dropout = (node: InputNode) => dropoutColumns(node, spec, rowCount, seed);
      const values = { inputs, tensors, occurrences, bySlot, dropout };
      const output = runGraph(tf, this.#blocks, this.#graph, values);
      logits = readFloats(output);
      return lossSum(tf, output, labelColumns, weightColumns, squared);
    }, [inputs.weights, inputs.vectors, ...tensors, ...slots.map(({ tensor }) => tensor)]) as {
      value: Tensor;
      grads: (Tensor | undefined)[];
    };
    const weightSum = sumOf(weights);
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
    const slotGradients = slots.map(({ slot, tensor }, i) => {
      return [slot, gradientOf(tensor, grads[2 + tensors.length + i])] as const;
    });
    const loss = readFloats(value)[0]! / weightSum;
    return { loss, logits, pooledGradient, denseGradient, bySlot: slotGradients };
  }
}

class TfScorer implements GraphScorer {
  readonly #tf: Tf;
  readonly #blocks: Blocks;
  readonly #graph: Graph;
  #uploaded: { source: DenseVersion; tensors: Tensor[] } | null = null;

  constructor(tf: Tf, blocks: Blocks, graph: Graph) {
    this.#tf = tf;
    this.#blocks = blocks;
    this.#graph = graph;
  }

  pooled(batch: PooledBatch, parameters: DenseVersion): Float32Array {
    return this.#score(batch, parameters, nothing);
  }

  rows(batch: RowsBatch, parameters: DenseVersion): Float32Array {
    const pooled = pooledOf(batch);
    return this.#score({ ...batch, pooled }, parameters, occurrencesOf(this.#graph, batch));
  }

  dispose(): void {
    if (this.#uploaded) this.#tf.dispose(this.#uploaded.tensors);
    this.#uploaded = null;
  }

  #score(batch: PooledBatch, parameters: DenseVersion, bySlot: BySlot): Float32Array {
    const tf = this.#tf;
    const { spec } = this.#graph;
    let logits = new Float32Array(0);
    tf.tidy(() => {
      const inputs = uploadInputs(tf, batch, spec);
      const tensors = this.#tensorsOf(parameters);
      const occurrences = new Map(
        [...bySlot].map(([slot, { values, count }]) => [
          slot,
          tf.tensor2d(values, [count, 1 + spec.factorDim]),
        ]),
      );
      const values = { inputs, tensors, occurrences, bySlot, dropout: noDropout };
      logits = readFloats(runGraph(tf, this.#blocks, this.#graph, values));
    });
    return logits;
  }

  #tensorsOf(parameters: DenseVersion): Tensor[] {
    const { version, values } = parameters;
    const { layout } = this.#graph;
    const before = this.#uploaded;
    if (before?.source.version === version && before.source.values === values)
      return before.tensors;
    // Calibration and scales are behind them.
    const own = values.subarray(0, layout.size);
    const tensors = uploadParameters(this.#tf, layout, own).map((tensor) => this.#tf.keep(tensor));
    if (before) this.#tf.dispose(before.tensors);
    this.#uploaded = { source: { version, values }, tensors };
    return tensors;
  }
}

interface GraphValues {
  readonly inputs: UploadedInputs;
  /** By entry of the layout. */
  readonly tensors: readonly Tensor[];
  readonly occurrences: ReadonlyMap<number, Tensor2D>;
  readonly bySlot: BySlot;
  readonly dropout: (node: InputNode) => Float32Array;
}

/** Nothing is left out where it is scored. */
function noDropout(): never {
  throw new Error('a graph that trains is no graph that scores');
}

function runGraph(tf: Tf, blocks: Blocks, graph: Graph, given: GraphValues): Tensor2D {
  const values: Tensor2D[] = [];
  let parameters = 0;
  for (const node of graph.nodes) {
    if (node.kind === 'parameter') values.push(given.tensors[parameters++] as Tensor2D);
    else if (node.kind === 'input') values.push(inputOf(tf, node, given));
    else {
      const operands = node.operands.map((id) => values[id]!);
      const { options, operands: ids } = node;
      const offsets = (): Uint32Array => offsetsOf(graph, ids, given.bySlot);
      values.push(applyBlock(tf, blocks[node.block], operands, { options, offsets }));
    }
  }
  return values[graph.logits.id]!;
}

function inputOf(tf: Tf, node: InputNode, given: GraphValues): Tensor2D {
  const { input, index, columns } = node;
  const { inputs, occurrences, bySlot } = given;
  if (input === 'weights' || input === 'vectors') return inputs[input];
  if (input === 'dense') return inputs.dense!;
  if (input === 'projected') return inputs.projected[index]!;
  if (input === 'dropout') {
    const factors = given.dropout(node);
    return tf.tensor2d(factors, [factors.length / columns, columns]);
  }
  const found = occurrences.get(index);
  assert(
    found !== undefined,
    `the network looks at the rows of slot ${index} one by one, and they came pooled`,
  );
  if (input === 'occurrences') return found;
  const { marks, count } = bySlot.get(index)!;
  return tf.tensor2d(marks!.values, [count, marks!.columns]);
}

/** Of the slot whose occurrences are the rows of one of the operands. */
function offsetsOf(graph: Graph, operands: readonly number[], bySlot: BySlot): Uint32Array {
  for (const id of operands) {
    const node = graph.nodes[id]!;
    if (node.kind !== 'parameter' && node.rows !== 'example') return bySlot.get(node.rows)!.offsets;
  }
  throw new Error('a block on occurrences has none');
}

function occurrencesOf({ nodes, spec }: Graph, { pooling, rows, shared }: RowsBatch): BySlot {
  const bySlot = new Map<number, SlotOccurrences>();
  const inputs = nodes.filter((node): node is InputNode => node.kind === 'input');
  for (const { input, index } of inputs) {
    if (input === 'occurrences') bySlot.set(index, gatherOccurrences(pooling, index, rows, shared));
    // Marks come behind the rows that they are of.
    else if (input === 'marks') {
      const found = bySlot.get(index)!;
      bySlot.set(index, { ...found, marks: occurrenceMarks(spec, pooling, index, found) });
    }
  }
  return bySlot;
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
