import { assert } from '../base/assert.js';
import type {
  AttentionMask,
  BlockName,
  Blocks,
  ParameterValue,
  Pooling,
  Rows,
  Value,
} from './blocks.js';
import type { DenseLayout } from './dense-parameters.js';
import { layoutOf } from './dense-parameters.js';
import { markWidth } from './history-marks.js';
import { rowWidth, type ModelSpec, type Network, type NetworkInputs } from './network.js';
import { networkOf } from './networks/networks.js';
import { plainDenseCount } from './projection.js';

/**
 * What a network says, once, without numbers: its nodes in an order in which each comes after what it is made of. Executors
 * interpret it or compile it; gradients go through it from the end to the beginning.
 */
export interface Graph {
  readonly spec: ModelSpec;
  readonly layout: DenseLayout;
  readonly nodes: readonly Node[];
  /** [n, heads] */
  readonly logits: Value;
}

export type Node = InputNode | ParameterNode | BlockNode;

/**
 * weights [n, slots], vectors [n, slots · factorDim]: of pooled rows. dense: numbers that are no vectors. projected: vector `index`
 * among the dense features. occurrences: of slot `index`, rows [w, v₁ … v_k] as they were pulled; marks: what is known of each.
 * dropout: factors of units that are left out in a step, of place `index`.
 */
export type InputName =
  'weights' | 'vectors' | 'dense' | 'projected' | 'occurrences' | 'marks' | 'dropout';

export interface InputNode extends Value {
  readonly kind: 'input';
  readonly input: InputName;
  readonly index: number;
}

export interface ParameterNode extends ParameterValue {
  readonly kind: 'parameter';
  /** Elements from the start of the flat array. */
  readonly offset: number;
  /** Of the declaration: a bias has 1. */
  readonly rank: number;
}

export interface BlockNode extends Value {
  readonly kind: 'block';
  readonly block: BlockName;
  /** Places of what it is made of, values before parameters. */
  readonly operands: readonly number[];
  readonly options: BlockOptions;
}

export interface BlockOptions {
  /** First column. */
  readonly from?: number;
  readonly relu?: boolean;
  /** Of columns, or of vectors, heads or parts that lie beside one another. */
  readonly count?: number;
  readonly pooling?: Pooling;
  readonly mask?: AttentionMask;
}

/** @throws when the network uses what it does not declare, or its shapes do not fit: a defect of the network. */
export function graphOf(
  spec: ModelSpec,
  network: Network = networkOf(spec),
  use: 'scoring' | 'training' = 'scoring',
): Graph {
  const layout = layoutOf(network.parameters(spec));
  const builder = new GraphBuilder(use === 'training');
  const inputs = inputsOf(builder, spec);
  const parameters = new Map<string, ParameterNode>();
  for (const { name, shape, offset } of layout.entries)
    parameters.set(name, builder.parameter(name, shape, offset));
  const find = (name: string, rank: number): ParameterNode => {
    const found = parameters.get(name);
    assert(found !== undefined, `the network uses parameter "${name}", which it does not declare`);
    assert(found.rank === rank, `parameter "${name}" has rank ${found.rank}, used as ${rank}`);
    return found;
  };
  const logits = network.forward(
    builder,
    inputs,
    { matrix: (name) => find(name, 2), vector: (name) => find(name, 1) },
    spec,
  );
  assert(
    logits.rows === 'example' && logits.columns === spec.heads,
    `the network says ${logits.columns} logits of ${spec.heads} heads`,
  );
  return { spec, layout, nodes: builder.nodes, logits };
}

function inputsOf(builder: GraphBuilder, spec: ModelSpec): NetworkInputs {
  const { slotCount, factorDim, vectors = [] } = spec;
  const plainCount = plainDenseCount(spec);
  const occurrences = new Map<number, Value>();
  const marks = new Map<number, Value>();
  const occurrencesOf = (slot: number): Value => {
    assert(slot >= 0 && slot < slotCount, `slot ${slot} of ${slotCount}`);
    const known = occurrences.get(slot) ?? builder.input('occurrences', rowWidth(spec), slot, slot);
    occurrences.set(slot, known);
    return known;
  };
  return {
    weights: builder.input('weights', slotCount),
    vectors: builder.input('vectors', slotCount * factorDim),
    dense: plainCount > 0 ? builder.input('dense', plainCount) : null,
    projected: vectors.map(({ width }, i) => builder.input('projected', width, i)),
    occurrences: occurrencesOf,
    marks: (history) => {
      const { slot } = history;
      const width = markWidth(history);
      if (width === 0) return null;
      // Executors know by them whose marks these are.
      occurrencesOf(slot);
      const known = marks.get(slot) ?? builder.input('marks', width, slot, slot);
      marks.set(slot, known);
      return known;
    },
  };
}

class GraphBuilder implements Blocks {
  readonly nodes: Node[] = [];
  readonly #trains: boolean;
  #dropouts = 0;

  /** @param trains whether units are left out. */
  constructor(trains: boolean) {
    this.#trains = trains;
  }

  input(input: InputName, columns: number, index = 0, rows: Rows = 'example'): InputNode {
    return this.#push({ id: this.nodes.length, kind: 'input', input, index, rows, columns });
  }

  parameter(
    name: string,
    declared: readonly [number] | readonly [number, number],
    offset: number,
  ): ParameterNode {
    const shape = declared.length === 1 ? ([1, declared[0]] as const) : declared;
    const rank = declared.length;
    return this.#push({ id: this.nodes.length, kind: 'parameter', name, shape, offset, rank });
  }

  denseLayer(x: Value, w: ParameterValue, b: ParameterValue | null, relu: boolean): Value {
    assert(x.columns === w.shape[0], `${w.name} has ${w.shape[0]} inputs, not ${x.columns}`);
    if (b) requireBias(b, w.shape[1]);
    return this.#block(
      'denseLayer',
      b ? [x, w, b] : [x, w],
      { ...of(x), columns: w.shape[1] },
      { relu },
    );
  }

  dropout(x: Value, rate: number): Value {
    assert(x.rows === 'example', 'units of examples are left out, not those of occurrences');
    assert(rate >= 0 && rate < 1, `a share of ${rate} is left out`);
    if (!this.#trains || rate === 0) return x;
    return this.multiply(x, this.input('dropout', x.columns, this.#dropouts++));
  }

  sumColumns(x: Value): Value {
    return this.#block('sumColumns', [x], { ...of(x), columns: 1 });
  }

  pairwiseInteractions(vectors: Value, count: number): Value {
    requireVectors(vectors, count);
    return this.#block(
      'pairwiseInteractions',
      [vectors],
      { ...of(vectors), columns: 1 },
      { count },
    );
  }

  concatColumns(left: Value, right: Value): Value {
    requireSameRows(left, right);
    const columns = left.columns + right.columns;
    return this.#block('concatColumns', [left, right], { ...of(left), columns });
  }

  sliceColumns(x: Value, from: number, columns: number): Value {
    assert(
      from >= 0 && columns > 0 && from + columns <= x.columns,
      `columns ${from} to ${from + columns} of ${x.columns}`,
    );
    if (columns === x.columns) return x;
    return this.#block('sliceColumns', [x], { rows: x.rows, columns }, { from, count: columns });
  }

  softmaxParts(x: Value, count: number): Value {
    requireVectors(x, count);
    return this.#block('softmaxParts', [x], of(x), { count });
  }

  add(terms: readonly Value[]): Value {
    const first = terms[0];
    assert(first !== undefined, 'a sum needs a term');
    for (const term of terms) requireSameShape(first, term);
    return this.#block('add', terms, of(first));
  }

  addBias(x: Value, b: ParameterValue): Value {
    requireBias(b, x.columns);
    return this.#block('addBias', [x, b], of(x));
  }

  pool(x: Value, pooling: Pooling): Value {
    requireOccurrences(x);
    return this.#block('pool', [x], { rows: 'example', columns: x.columns }, { pooling });
  }

  dotInteractions(vectors: Value, count: number): Value {
    requireVectors(vectors, count);
    const columns = (count * (count - 1)) / 2;
    assert(columns > 0, 'one vector has no pairs');
    return this.#block('dotInteractions', [vectors], { ...of(vectors), columns }, { count });
  }

  multiply(left: Value, right: Value): Value {
    requireSameShape(left, right);
    return this.#block('multiply', [left, right], of(left));
  }

  scaleRows(x: Value, factors: Value): Value {
    requireSameRows(x, factors);
    assert(factors.columns === 1, `${factors.columns} factors for a row`);
    return this.#block('scaleRows', [x, factors], of(x));
  }

  sigmoid(x: Value): Value {
    return this.#block('sigmoid', [x], of(x));
  }

  layerNorm(x: Value, gain: ParameterValue, bias: ParameterValue): Value {
    requireBias(gain, x.columns);
    requireBias(bias, x.columns);
    return this.#block('layerNorm', [x, gain, bias], of(x));
  }

  normalizeRows(x: Value): Value {
    return this.#block('normalizeRows', [x], of(x));
  }

  repeat(x: Value, like: Value): Value {
    assert(x.rows === 'example', 'what has a row for each occurrence is not repeated');
    requireOccurrences(like);
    return this.#block('repeat', [x, like], { rows: like.rows, columns: x.columns });
  }

  softmaxOccurrences(x: Value): Value {
    requireOccurrences(x);
    return this.#block('softmaxOccurrences', [x], of(x));
  }

  addPositions(x: Value, table: ParameterValue): Value {
    requireOccurrences(x);
    const columns = table.shape[1];
    assert(columns === x.columns, `${table.name} has ${columns} columns, not ${x.columns}`);
    return this.#block('addPositions', [x, table], of(x));
  }

  attention(
    queries: Value,
    keys: Value,
    values: Value,
    heads: number,
    mask: AttentionMask = 'none',
  ): Value {
    requireOccurrences(queries);
    requireSameShape(queries, keys);
    requireSameShape(queries, values);
    requireVectors(queries, heads);
    const options = { count: heads, mask };
    return this.#block('attention', [queries, keys, values], of(queries), options);
  }

  #block(
    block: BlockName,
    operands: readonly { readonly id: number }[],
    shape: Pick<Value, 'rows' | 'columns'>,
    options: BlockOptions = {},
  ): BlockNode {
    const ids = operands.map(({ id }) => id);
    return this.#push({
      id: this.nodes.length,
      kind: 'block',
      block,
      operands: ids,
      ...shape,
      options,
    });
  }

  #push<N extends Node>(node: N): N {
    this.nodes.push(node);
    return node;
  }
}

function of({ rows, columns }: Value): Pick<Value, 'rows' | 'columns'> {
  return { rows, columns };
}

function requireBias({ name, shape }: ParameterValue, columns: number): void {
  assert(shape[0] === 1 && shape[1] === columns, `${name} has ${shape[1]} values, not ${columns}`);
}

function requireVectors({ columns }: Value, count: number): void {
  assert(count > 0 && columns % count === 0, `${columns} columns are not ${count} vectors`);
}

function requireOccurrences({ rows }: Value): void {
  assert(rows !== 'example', 'of each example there is one row, and not one for each occurrence');
}

function requireSameRows(left: Value, right: Value): void {
  assert(left.rows === right.rows, `rows of ${left.rows} beside rows of ${right.rows}`);
}

function requireSameShape(left: Value, right: Value): void {
  requireSameRows(left, right);
  assert(left.columns === right.columns, `${left.columns} columns and ${right.columns}`);
}
