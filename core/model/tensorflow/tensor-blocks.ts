import type { BlockName } from '../blocks.js';
import type { BlockNode } from '../graph.js';
import { occurrenceBlocks } from './tensor-occurrence-blocks.js';
import type { TensorGraph, TensorNode } from './tensor-graph.js';

import type { Segments } from './segments.js';

export interface BlockUse {
  readonly graph: TensorGraph;
  readonly node: BlockNode;
  readonly operands: readonly TensorNode[];
  /** Columns of the first operand. */
  readonly columns: number;
  /** Of the slot whose occurrences one of the operands has. */
  readonly segments: () => Segments;
  /** Of the operand of that index, which is a parameter. */
  readonly rows: (operand: number) => number;
}

export type TensorBlock = (use: BlockUse) => TensorNode;

/**
 * The blocks as operations of TensorFlow, none with a gradient: the library differentiates what it is made of. Products
 * keep transposed operands, which cost nothing here, where wasm has to go around them. One that is not here is
 * `missing`, and `auto` passes over TensorFlow for a network that has it.
 */
export const tensorBlocks: Readonly<Partial<Record<BlockName, TensorBlock>>> = {
  denseLayer: ({ graph, node, operands: [x, w, b] }) => {
    const product = graph.operation('MatMul', x!, w!);
    const linear = b ? graph.operation('BiasAdd', product, b) : product;
    return node.options.relu ? graph.operation('Relu', linear) : linear;
  },
  sumColumns: ({ graph, operands: [x] }) => graph.sum(x!, [1], true),
  pairwiseInteractions: ({ graph, node, operands: [vectors], columns }) => {
    const { operation } = graph;
    const { count = 1 } = node.options;
    const total = graph.sum(graph.reshape(vectors!, [-1, count, columns / count]), [1], false);
    const ofTotal = graph.sum(operation('Square', total), [1], true);
    const ofEach = graph.sum(operation('Square', vectors!), [1], true);
    return operation('Mul', operation('Sub', ofTotal, ofEach), graph.constant([], [0.5]));
  },
  concatColumns: ({ graph, operands }) => graph.concat(operands, 1),
  sliceColumns: ({ graph, node, operands: [x], columns }) => {
    const { from = 0 } = node.options;
    // By a product with zeros and ones: parts that are cut out have no gradient of their own in the library.
    const chosen = new Array<number>(columns * node.columns).fill(0);
    for (let i = 0; i < node.columns; i++) chosen[(from + i) * node.columns + i] = 1;
    return graph.operation('MatMul', x!, graph.constant([columns, node.columns], chosen));
  },
  softmaxParts: ({ graph, node, operands: [x], columns }) => {
    const { operation } = graph;
    const { count = 1 } = node.options;
    const parts = graph.reshape(x!, [-1, count, columns / count]);
    const largest = operation('StopGradient', graph.max(parts, [1], true));
    const powers = operation('Exp', operation('Sub', parts, largest));
    const shares = operation('RealDiv', powers, graph.sum(powers, [1], true));
    return graph.reshape(shares, [-1, columns]);
  },
  add: ({ graph, operands }) => operands.reduce((sum, term) => graph.operation('AddV2', sum, term)),
  addBias: ({ graph, operands: [x, b] }) => graph.operation('BiasAdd', x!, b!),
  dotInteractions: ({ graph, node, operands: [x], columns }) => {
    const { count = 1 } = node.options;
    const vectors = graph.reshape(x!, [-1, count, columns / count]);
    const products = graph.batchProduct(vectors, vectors, true);
    const pairs: number[] = [];
    for (let a = 0; a < count; a++) for (let b = a + 1; b < count; b++) pairs.push(a * count + b);
    // Which of all products are pairs, by a product with zeros and ones.
    const chosen = new Array<number>(count * count * pairs.length).fill(0);
    pairs.forEach((place, i) => (chosen[place * pairs.length + i] = 1));
    const flat = graph.reshape(products, [-1, count * count]);
    return graph.operation('MatMul', flat, graph.constant([count * count, pairs.length], chosen));
  },
  multiply: ({ graph, operands: [left, right] }) => graph.operation('Mul', left!, right!),
  scaleRows: ({ graph, operands: [x, factors] }) => graph.operation('Mul', x!, factors!),
  sigmoid: ({ graph, operands: [x] }) => graph.operation('Sigmoid', x!),
  layerNorm: ({ graph, operands: [x, gain, bias], columns }) => {
    const { operation } = graph;
    const share = graph.constant([], [1 / columns]);
    const mean = (values: TensorNode): TensorNode =>
      operation('Mul', graph.sum(values, [1], true), share);
    const centred = operation('Sub', x!, mean(x!));
    const variance = mean(operation('Square', centred));
    const scale = operation('Rsqrt', operation('AddV2', variance, graph.constant([], [1e-5])));
    const normal = operation('Mul', centred, scale);
    return operation('BiasAdd', operation('Mul', normal, gain!), bias!);
  },
  normalizeRows: ({ graph, operands: [x] }) => {
    const { operation } = graph;
    const squares = graph.sum(operation('Square', x!), [1], true);
    const scale = operation('Rsqrt', operation('Maximum', squares, graph.constant([], [1e-12])));
    return operation('Mul', x!, scale);
  },
  ...occurrenceBlocks,
};

/**
 * Σ weight · loss, by logits, stable at both ends: cross entropy, or ½·(logit − label)² of the heads that `squared` has a
 * 1 for. All [n, heads] → scalar.
 */
export function lossSum(
  graph: TensorGraph,
  [logits, labels, weights]: readonly [TensorNode, TensorNode, TensorNode],
  squared: readonly number[] | undefined,
): TensorNode {
  const { operation } = graph;
  const sum = (each: TensorNode): TensorNode =>
    graph.sum(operation('Mul', each, weights), [0, 1], false);
  // ln(1 + e^z) − y·z
  const entropy = operation('Sub', operation('Softplus', logits), operation('Mul', labels, logits));
  if (squared === undefined) return sum(entropy);
  const row = (values: readonly number[]): TensorNode => graph.constant([1, values.length], values);
  const square = operation('Square', operation('Sub', logits, labels));
  const ofSquares = operation('Mul', square, row(squared.map((each) => each / 2)));
  const ofOthers = operation('Mul', entropy, row(squared.map((each) => 1 - each)));
  return sum(operation('AddV2', ofSquares, ofOthers));
}
