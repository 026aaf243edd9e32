/**
 * What networks are built of. A network is written once, against these; each executor (tfjs/, kernels/) has a forward and a
 * backward of each. What a network says is a graph of values without numbers (graph.ts), so an executor knows all of it before
 * the first batch: what memory it takes, in which order gradients come, and which block it lacks.
 *
 * A value has a row for each example, or, of the occurrences of a slot, one for each of them: examples have different numbers
 * of those, and blocks on rows (`denseLayer`, `add`, …) take either kind. `pool` goes from the second kind to the first, `repeat` back.
 */
export interface Value {
  /** Its place in the graph. */
  readonly id: number;
  readonly rows: Rows;
  readonly columns: number;
}

/** `example`: one for each; a number: one for each occurrence of that slot. */
export type Rows = 'example' | number;

/** A declared parameter, [rows, columns]; a bias is [1, columns]. */
export interface ParameterValue {
  readonly id: number;
  readonly name: string;
  readonly shape: readonly [rows: number, columns: number];
}

export type Pooling = 'sum' | 'mean';

/** none: an occurrence attends to all of its example. causal: it attends to itself and those behind it; histories are newest first, so these are what was known then. */
export type AttentionMask = 'none' | 'causal';

export interface Blocks {
  /**
   * x·w + b, then max(0, ·) if `relu`. x [n, i], w [i, o], b [o] or null → [n, o].
   *
   * @gradient x: d·wᵀ, w: xᵀ·d, b: Σ d; with `relu` d where the result is above 0.
   */
  denseLayer(x: Value, w: ParameterValue, b: ParameterValue | null, relu: boolean): Value;
  /**
   * In training a share `rate` of the numbers is 0, and the others are 1 / (1 − rate) times as large; x where it is scored. Rows of examples.
   *
   * @gradient x: d times the same factors.
   */
  dropout(x: Value, rate: number): Value;
  /**
   * Sum of each row: [n, c] → [n, 1].
   *
   * @gradient x: d in each column.
   */
  sumColumns(x: Value): Value;
  /**
   * ½·Σ_f ((Σ_s v)² − Σ_s v²): all pairs of slots, in O(slots) (Rendle, 2010). [n, slots·k] → [n, 1].
   *
   * @gradient v_s: d·(Σ v − v_s).
   */
  pairwiseInteractions(vectors: Value, slotCount: number): Value;
  /**
   * v_a·v_b for each pair a < b, (0, 1), (0, 2), … (DLRM, Naumov et al., 2019). [n, count·k] → [n, count·(count − 1) / 2].
   *
   * @gradient v_a: Σ_b d_ab·v_b.
   */
  dotInteractions(vectors: Value, count: number): Value;
  /**
   * [n, a] beside [n, b] → [n, a + b].
   *
   * @gradient each its columns of d.
   */
  concatColumns(left: Value, right: Value): Value;
  /**
   * Columns from `from` on: [n, c] → [n, columns].
   *
   * @gradient x: d in its columns, 0 in the others.
   */
  sliceColumns(x: Value, from: number, columns: number): Value;
  /**
   * `count` parts of the columns beside one another, each number as its share among those of all parts at its place, e^x / Σ e^x: gates of a
   * mixture (Ma et al., 2018). [n, count·c] → the same.
   *
   * @gradient x: y ⊙ (d − Σ d ⊙ y), Σ over parts.
   */
  softmaxParts(x: Value, count: number): Value;
  /**
   * Sum of equal shapes.
   *
   * @gradient each d.
   */
  add(terms: readonly Value[]): Value;
  /**
   * x + b for every row: x [n, c], b [c].
   *
   * @gradient x: d, b: Σ d.
   */
  addBias(x: Value, b: ParameterValue): Value;
  /**
   * Product of equal shapes, number by number.
   *
   * @gradient each d ⊙ the other.
   */
  multiply(left: Value, right: Value): Value;
  /**
   * Each row of x [n, c] times its number of `factors` [n, 1].
   *
   * @gradient x: d · its factor, factors: d·x of each row.
   */
  scaleRows(x: Value, factors: Value): Value;
  /**
   * 1 / (1 + e^−x), number by number.
   *
   * @gradient x: d ⊙ y ⊙ (1 − y).
   */
  sigmoid(x: Value): Value;
  /**
   * Each row to mean 0 and variance 1 (ε = 1e-5), then · gain [c] + bias [c] (Ba et al., 2016).
   *
   * @gradient x, gain and bias; of x less its part along 1 and along the normalised row.
   */
  layerNorm(x: Value, gain: ParameterValue, bias: ParameterValue): Value;
  /**
   * Each row to length 1, shorter ones than 1e-6 as if they were that long.
   *
   * @gradient x: (d − y·(d·y)) / ‖x‖.
   */
  normalizeRows(x: Value): Value;
  /**
   * Of each example the sum, or mean, of its occurrences: [occurrences, c] → [n, c]; zeros where it has none.
   *
   * @gradient x: d for each occurrence, over their number for `mean`.
   */
  pool(x: Value, pooling: Pooling): Value;
  /**
   * The row of its example for each occurrence of the slot that `like` is of: [n, c] → [occurrences, c].
   *
   * @gradient x: Σ d of its occurrences; like: none.
   */
  repeat(x: Value, like: Value): Value;
  /**
   * Columns as shares among the occurrences of an example, e^x / Σ e^x: [occurrences, c] → the same.
   *
   * @gradient x: y ⊙ (d − Σ d ⊙ y), Σ over the occurrences of an example.
   */
  softmaxOccurrences(x: Value): Value;
  /**
   * x + row p of `table` [positions, c] for the p-th occurrence of its example; those beyond it get the last.
   *
   * @gradient x: d, table: Σ d by position.
   */
  addPositions(x: Value, table: ParameterValue): Value;
  /**
   * Of each occurrence, what it attends to among those of its example: softmax(q·kᵀ / √(c / heads))·v, in `heads` parts of the
   * columns, each for itself (Vaswani et al., 2017). All [occurrences, c].
   *
   * @gradient queries, keys and values, through the shares; none to what the mask hides.
   */
  attention(queries: Value, keys: Value, values: Value, heads: number, mask?: AttentionMask): Value;
}

/** What an executor computes; dropout is a product with numbers that it is given. */
export type BlockName = Exclude<keyof Blocks, 'dropout'>;
