import { assert } from '../../base/assert.js';
import type { BlockNode, Graph, InputNode, Node } from '../graph.js';
import { dropoutColumns } from '../dropout.js';
import { markWidth, requireHistory } from '../history-marks.js';
import { rowWidth, type ModelSpec } from '../network.js';
import type { PooledBatch, RowsBatch } from '../pooled-batch.js';
import { gatherOccurrences, occurrenceMarks, type Occurrences } from '../tfjs/occurrences.js';
import { feedSegments, segmentNodes, segmentPlaceholders, type Segments } from './segments.js';
import { tensorBlocks } from './tensor-blocks.js';
import type { TensorGraph, TensorNode, TensorRuntime, TensorSession } from './tensor-graph.js';

/** Rows one by one of the slots that a network looks at so. */
export type BySlot = ReadonlyMap<number, Occurrences & { readonly marks?: Float32Array }>;

export const nothing: BySlot = new Map();

interface OccurrenceInput extends Segments {
  readonly slot: number;
  /** [occurrences, 1 + factorDim] */
  readonly values: TensorNode;
  /** [occurrences, columns], where the network looks at what is known of each. */
  readonly marks: TensorNode | undefined;
}

/**
 * The graph of a network as one of a library. What is fed, in this order: parameters, pooled rows, dense features, then for each slot whose
 * rows are looked at one by one those, what is known of each, and where they belong.
 */
export class TensorModel {
  readonly graph: TensorGraph;
  readonly network: Graph;
  /** In the order of the layout. */
  readonly parameters: readonly TensorNode[];
  /** [n · slotCount, 1 + factorDim] */
  readonly pooled: TensorNode;
  readonly occurrences: readonly OccurrenceInput[];
  /** Of graphs that train: factors of what is left out. */
  readonly #dropouts: readonly { readonly node: InputNode; readonly factors: TensorNode }[];
  /** [n, heads] */
  readonly logits: TensorNode;
  /** [n, denseCount]; null when the model has none. */
  readonly #dense: TensorNode | null;

  constructor(runtime: TensorRuntime, network: Graph) {
    const { layout, spec, nodes } = network;
    const graph = runtime.createGraph();
    this.graph = graph;
    this.network = network;
    this.parameters = layout.entries.map(({ shape }) => graph.placeholder(shape));
    this.pooled = graph.placeholder([-1, rowWidth(spec)]);
    this.#dense = spec.denseCount > 0 ? graph.placeholder([-1, spec.denseCount]) : null;
    const inputs = nodes.filter((node) => node.kind === 'input');
    this.occurrences = inputs
      .filter(({ input }) => input === 'occurrences')
      .map(({ index: slot }) => ({
        slot,
        values: graph.placeholder([-1, rowWidth(spec)]),
        marks: inputs.some(({ input, index }) => input === 'marks' && index === slot)
          ? graph.placeholder([-1, markWidth(requireHistory(spec.histories, slot))])
          : undefined,
        ...segmentPlaceholders(graph),
      }));
    this.#dropouts = inputs
      .filter(({ input }) => input === 'dropout')
      .map((node) => ({ node, factors: graph.placeholder([-1, node.columns]) }));
    this.logits = this.#interpret();
  }

  /** Rows and parameters that the logits depend on: of those alone there is a gradient. */
  differentiable(): ReadonlySet<TensorNode> {
    const { nodes, logits } = this.network;
    const used = new Set([logits.id]);
    // Each node comes after what it is made of.
    for (const node of [...nodes].reverse())
      if (node.kind === 'block' && used.has(node.id))
        for (const operand of node.operands) used.add(operand);
    const found = new Set<TensorNode>();
    let parameter = 0;
    for (const node of nodes) {
      const fed = node.kind === 'parameter' ? this.parameters[parameter++]! : this.#rowsOf(node);
      if (fed && used.has(node.id)) found.add(fed);
    }
    return found;
  }

  #rowsOf(node: Node): TensorNode | undefined {
    if (node.kind !== 'input') return undefined;
    if (node.input === 'weights' || node.input === 'vectors') return this.pooled;
    return this.occurrences.find(({ slot }) => node.input === 'occurrences' && slot === node.index)
      ?.values;
  }

  /** All that is fed. */
  get feeds(): TensorNode[] {
    return [
      ...this.parameters,
      this.pooled,
      ...(this.#dense ? [this.#dense] : []),
      ...this.occurrences.flatMap((each) => [
        ...[each.values, ...(each.marks ? [each.marks] : [])],
        ...segmentNodes(each),
      ]),
      ...this.#dropouts.map(({ factors }) => factors),
    ];
  }

  /** @param values f32, of the network alone or with others behind. */
  feedParameters(session: TensorSession, values: Float32Array): void {
    this.network.layout.entries.forEach(({ offset, size, shape }, i) =>
      session.feed(i, values.subarray(offset, offset + size), shape),
    );
  }

  /** @param seed of what is left out, where it trains. */
  feedExamples(session: TensorSession, batch: PooledBatch, bySlot: BySlot, seed = 0): void {
    const { rowCount, pooled, dense } = batch;
    const { spec } = this.network;
    const dim = rowWidth(spec);
    let next = this.parameters.length;
    session.feed(next++, pooled, [rowCount * spec.slotCount, dim]);
    if (this.#dense) session.feed(next++, dense, [rowCount, spec.denseCount]);
    for (const { slot, marks } of this.occurrences) {
      const found = bySlot.get(slot);
      assert(
        found !== undefined,
        `the network looks at the rows of slot ${slot} one by one, and they came pooled`,
      );
      session.feed(next++, found.values, [found.count, dim]);
      if (marks) {
        const columns = markWidth(requireHistory(spec.histories, slot));
        session.feed(next++, found.marks!, [found.count, columns]);
      }
      next = feedSegments(session, next, found, rowCount);
    }
    for (const { node } of this.#dropouts) {
      const factors = dropoutColumns(node, spec, rowCount, seed);
      session.feed(next++, factors, [rowCount, node.columns]);
    }
  }

  /** One example of no meaning: the first run prepares the graph, a tenth of a second that nobody should wait for. */
  feedZeros(session: TensorSession): void {
    const { spec, layout } = this.network;
    const pooled = new Float32Array(spec.slotCount * rowWidth(spec));
    const dense = new Float32Array(spec.denseCount);
    const values = new Float32Array(0);
    const none = { count: 0, values, marks: values, offsets: new Uint32Array(2) };
    const placeOf = new Uint32Array(0);
    this.feedParameters(session, new Float32Array(layout.size));
    this.feedExamples(
      session,
      { rowCount: 1, pooled, dense },
      new Map(this.occurrences.map(({ slot }) => [slot, { ...none, placeOf }])),
    );
  }

  occurrencesOf({ pooling, rows, shared }: RowsBatch): BySlot {
    const { spec } = this.network;
    return new Map(
      this.occurrences.map(({ slot, marks }) => {
        const found = gatherOccurrences(pooling, slot, rows, shared);
        if (!marks) return [slot, found];
        return [slot, { ...found, marks: occurrenceMarks(spec, pooling, slot, found).values }];
      }),
    );
  }

  #interpret(): TensorNode {
    const { nodes, logits } = this.network;
    const inputOf = this.#inputs();
    const values: TensorNode[] = [];
    let parameter = 0;
    for (const node of nodes) {
      if (node.kind === 'parameter') values.push(this.parameters[parameter++]!);
      else if (node.kind === 'input') values.push(inputOf(node));
      else values.push(this.#applied(node, values));
    }
    return values[logits.id]!;
  }

  #applied(node: BlockNode, values: readonly TensorNode[]): TensorNode {
    const { graph, network } = this;
    const block = tensorBlocks[node.block];
    const made = node.operands.map((id) => network.nodes[id]!);
    const first = made[0]!;
    assert(block !== undefined && first.kind !== 'parameter', `block ${node.block}`);
    const slot = made
      .map((each) => (each.kind === 'parameter' ? 'example' : each.rows))
      .find((rows) => rows !== 'example');
    return block({
      ...{ graph, node, columns: first.columns },
      operands: node.operands.map((id) => values[id]!),
      rows: (operand) =>
        network.layout.entries.find(({ name }) => isNamed(made[operand], name))!.shape[0],
      segments: () => this.occurrences.find((each) => each.slot === slot)!,
    });
  }

  /** Rows are taken apart in the graph, so that their gradient comes back joined. */
  #inputs(): (node: InputNode) => TensorNode {
    const { graph } = this;
    const { spec } = this.network;
    const { slotCount, factorDim } = spec;
    const [firstOrder, vectors] = graph.splitColumns(this.pooled, [1, factorDim]);
    const weightColumns = graph.reshape(firstOrder!, [-1, slotCount]);
    const vectorColumns = graph.reshape(vectors!, [-1, slotCount * factorDim]);
    const { plain, projected } = this.#dense
      ? denseParts(graph, this.#dense, spec)
      : { plain: undefined, projected: [] };
    return ({ input, index, id }) => {
      if (input === 'dropout') return this.#dropouts.find(({ node }) => node.id === id)!.factors;
      if (input === 'weights') return weightColumns;
      if (input === 'vectors') return vectorColumns;
      if (input === 'dense') return plain!;
      if (input === 'projected') return projected[index]!;
      const of = this.occurrences.find(({ slot }) => slot === index)!;
      return input === 'marks' ? of.marks! : of.values;
    };
  }
}

function isNamed(node: Node | undefined, name: string): boolean {
  return node?.kind === 'parameter' && node.name === name;
}

/** Vectors apart from the numbers around them. */
function denseParts(
  graph: TensorGraph,
  dense: TensorNode,
  { denseCount, vectors = [] }: ModelSpec,
): { plain: TensorNode | undefined; projected: readonly TensorNode[] } {
  if (vectors.length === 0) return { plain: dense, projected: [] };
  const runs: { readonly width: number; readonly isVector: boolean }[] = [];
  let column = 0;
  for (const { at, width } of vectors) {
    runs.push({ width: at - column, isVector: false }, { width, isVector: true });
    column = at + width;
  }
  runs.push({ width: denseCount - column, isVector: false });
  const parts = graph.splitColumns(
    dense,
    runs.map(({ width }) => width),
  );
  const plain = parts.filter((_, i) => !runs[i]!.isVector && runs[i]!.width > 0);
  return {
    plain: plain.length > 1 ? graph.concat(plain, 1) : plain[0],
    projected: parts.filter((_, i) => runs[i]!.isVector),
  };
}
