import type { TensorBlock } from './tensor-blocks.js';
import type { TensorGraph, TensorNode } from './tensor-graph.js';

/** Rows that are not there attend to nothing, and nothing to them. */
const never = -1e9;

/** Blocks on the occurrences of each example. */
export const occurrenceBlocks = {
  pool: ({ graph, node, operands: [x], columns, segments }) => {
    const { ids, means } = segments();
    const sums = segmentSums(graph, x!, ids, columns);
    return node.options.pooling === 'mean' ? graph.operation('Mul', sums, means) : sums;
  },
  repeat: ({ graph, operands: [x], segments }) => graph.gather(x!, segments().examples),
  softmaxOccurrences: ({ graph, operands: [x], columns, segments }) => {
    const { operation } = graph;
    const { ids, examples } = segments();
    const least = graph.constant([1, columns], new Array<number>(columns).fill(never));
    const largest = operation('SegmentMax', graph.concat([x!, least], 0), ids);
    // It changes nothing but what f32 can hold, so it has no part in the gradient.
    const shift = operation('StopGradient', graph.gather(largest, examples));
    const powers = operation('Exp', operation('Sub', x!, shift));
    const sums = graph.gather(segmentSums(graph, powers, ids, columns), examples);
    return operation('RealDiv', powers, sums);
  },
  addPositions: ({ graph, operands: [x, table], segments, rows }) => {
    const last = graph.constant([], [rows(1) - 1], 'i32');
    const places = graph.operation('Minimum', segments().positions, last);
    return graph.operation('AddV2', x!, graph.gather(table!, places));
  },
  attention: ({ graph, node, operands, columns, segments }) => {
    const { count: heads = 1 } = node.options;
    const { padded, places, mask: own, causal } = segments();
    const mask = node.options.mask === 'causal' ? graph.operation('AddV2', own, causal) : own;
    const zeros = graph.constant([1, columns], new Array<number>(columns).fill(0));
    // [examples, most occurrences, columns], and of it one part for each head.
    const [queries, keys, values] = operands.map((x) =>
      graph.splitLast(graph.gather(graph.concat([x, zeros], 0), padded), heads),
    );
    const scale = graph.constant([], [1 / Math.sqrt(columns / heads)]);
    const found = queries!.map((query, head) => {
      const products = graph.batchProduct(query, keys![head]!, true);
      const scores = graph.operation('AddV2', graph.operation('Mul', products, scale), mask);
      return graph.batchProduct(softmax(graph, scores), values![head]!, false);
    });
    return graph.gather(graph.reshape(graph.concat(found, 2), [-1, columns]), places);
  },
} satisfies Readonly<Record<string, TensorBlock>>;

/** As many sums as the largest id says: zeros of the last example see to it that there is one for each. */
function segmentSums(
  graph: TensorGraph,
  x: TensorNode,
  ids: TensorNode,
  columns: number,
): TensorNode {
  const zeros = graph.constant([1, columns], new Array<number>(columns).fill(0));
  return graph.operation('SegmentSum', graph.concat([x, zeros], 0), ids);
}

/** Along the last of three axes. */
function softmax(graph: TensorGraph, scores: TensorNode): TensorNode {
  const { operation } = graph;
  const largest = operation('StopGradient', graph.max(scores, [2], true));
  const powers = operation('Exp', operation('Sub', scores, largest));
  return operation('RealDiv', powers, graph.sum(powers, [2], true));
}
