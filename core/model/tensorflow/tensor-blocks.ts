import type { BlockName } from '../blocks.js';
import type { BlockNode } from '../graph.js';
import type { TensorGraph, TensorNode } from './tensor-graph.js';

/** Where the occurrences of a slot belong: of all slots that the network pools itself. */
export interface Segments {
  /** i32 [occurrences + 1]: of which example each is, and last the last example. */
  readonly ids: TensorNode;
  /** [n, 1]: 1 / occurrences, and 1 where there is none. */
  readonly means: TensorNode;
}

export interface BlockUse {
  readonly graph: TensorGraph;
  readonly node: BlockNode;
  readonly operands: readonly TensorNode[];
  /** Columns of the first operand. */
  readonly columns: number;
  /** Of the slot whose occurrences the first operand has. */
  readonly segments: () => Segments;
}

type TensorBlock = (use: BlockUse) => TensorNode;

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
  add: ({ graph, operands }) => operands.reduce((sum, term) => graph.operation('AddV2', sum, term)),
  addBias: ({ graph, operands: [x, b] }) => graph.operation('BiasAdd', x!, b!),
  pool: ({ graph, node, operands: [x], columns, segments }) => {
    const { ids, means } = segments();
    // As many sums as the largest id says: zeros of the last example see to it that there is one for each.
    const zeros = graph.constant([1, columns], new Array<number>(columns).fill(0));
    const sums = graph.operation('SegmentSum', graph.concat([x!, zeros], 0), ids);
    return node.options.pooling === 'mean' ? graph.operation('Mul', sums, means) : sums;
  },
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
