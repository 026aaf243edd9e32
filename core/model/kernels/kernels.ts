/**
 * The kernels, as assembly/ has them; all addresses are bytes, all strides and counts are numbers of floats.
 */
export interface Kernels {
  pack(w: number, k: number, m: number, transposed: boolean, out: number): void;
  packBias(b: number, m: number, out: number): void;
  product(
    a: number,
    lda: number,
    panels: number,
    n: number,
    k: number,
    m: number,
    bias: number,
    rectify: boolean,
    accumulate: boolean,
    c: number,
    ldc: number,
  ): void;
  outer(
    x: number,
    ldx: number,
    d: number,
    ldd: number,
    n: number,
    k: number,
    m: number,
    g: number,
    scratch: number,
  ): void;
  compact(g: number, ldg: number, k: number, m: number, scale: number, out: number): void;
  dot(
    x: number,
    ldx: number,
    w: number,
    n: number,
    k: number,
    b: number,
    rectify: boolean,
    accumulate: boolean,
    y: number,
  ): void;
  rankOne(
    d: number,
    w: number,
    n: number,
    k: number,
    accumulate: boolean,
    x: number,
    ldx: number,
  ): void;
  weightedSum(d: number, x: number, ldx: number, n: number, k: number, g: number): void;
  gateAndSum(
    d: number,
    ldd: number,
    y: number,
    ldy: number,
    n: number,
    m: number,
    gated: boolean,
    sums: number,
  ): void;
  copyColumns(
    x: number,
    ldx: number,
    n: number,
    c: number,
    accumulate: boolean,
    y: number,
    ldy: number,
  ): void;
  addBias(x: number, ldx: number, b: number, n: number, c: number, y: number, ldy: number): void;
  sumColumns(x: number, ldx: number, n: number, c: number, y: number): void;
  spreadColumns(d: number, n: number, c: number, accumulate: boolean, x: number, ldx: number): void;
  pairwise(v: number, ldv: number, n: number, s: number, k: number, y: number): void;
  pairwiseBack(
    d: number,
    v: number,
    ldv: number,
    n: number,
    s: number,
    k: number,
    accumulate: boolean,
    out: number,
    ldo: number,
  ): void;
  loss(
    z: number,
    labels: number,
    weights: number,
    count: number,
    squared: number,
    period: number,
    d: number,
  ): number;
  split(
    pooled: number,
    n: number,
    slots: number,
    k: number,
    weights: number,
    ldw: number,
    vectors: number,
    ldv: number,
  ): void;
  join(
    weights: number,
    ldw: number,
    vectors: number,
    ldv: number,
    n: number,
    slots: number,
    k: number,
    pooled: number,
  ): void;
  pool(
    rows: number,
    inverse: number,
    offsets: number,
    means: number,
    n: number,
    slots: number,
    k: number,
    weights: number,
    ldw: number,
    vectors: number,
    ldv: number,
  ): void;
  scatter(
    weights: number,
    ldw: number,
    vectors: number,
    ldv: number,
    inverse: number,
    offsets: number,
    means: number,
    n: number,
    slots: number,
    k: number,
    occurrences: number,
    out: number,
    squares: number,
  ): void;
  multiply(
    x: number,
    ldx: number,
    y: number,
    ldy: number,
    n: number,
    c: number,
    accumulate: boolean,
    out: number,
    ldo: number,
  ): void;
  scaleRows(
    x: number,
    ldx: number,
    f: number,
    n: number,
    c: number,
    accumulate: boolean,
    out: number,
    ldo: number,
  ): void;
  rowDots(
    a: number,
    lda: number,
    b: number,
    ldb: number,
    n: number,
    c: number,
    accumulate: boolean,
    out: number,
  ): void;
  sigmoid(x: number, ldx: number, n: number, c: number, y: number, ldy: number): void;
  sigmoidBack(
    d: number,
    ldd: number,
    y: number,
    ldy: number,
    n: number,
    c: number,
    accumulate: boolean,
    out: number,
    ldo: number,
  ): void;
  layerNorm(
    x: number,
    ldx: number,
    gain: number,
    bias: number,
    n: number,
    c: number,
    y: number,
    ldy: number,
  ): void;
  layerNormBack(
    d: number,
    ldd: number,
    x: number,
    ldx: number,
    gain: number,
    n: number,
    c: number,
    accumulate: boolean,
    dx: number,
    lddx: number,
    ofGain: number,
  ): void;
  softmaxParts(
    x: number,
    ldx: number,
    n: number,
    count: number,
    c: number,
    y: number,
    ldy: number,
  ): void;
  softmaxPartsBack(
    d: number,
    ldd: number,
    y: number,
    ldy: number,
    n: number,
    count: number,
    c: number,
    accumulate: boolean,
    dx: number,
    lddx: number,
  ): void;
  normalizeRows(x: number, ldx: number, n: number, c: number, y: number, ldy: number): void;
  normalizeRowsBack(
    d: number,
    ldd: number,
    x: number,
    ldx: number,
    y: number,
    ldy: number,
    n: number,
    c: number,
    accumulate: boolean,
    dx: number,
    lddx: number,
  ): void;
  dotInteractions(
    v: number,
    ldv: number,
    n: number,
    s: number,
    k: number,
    y: number,
    ldy: number,
  ): void;
  gatherLayer(
    table: number,
    ldt: number,
    places: number,
    n: number,
    c: number,
    own: number,
    pairs: number,
    pairCount: number,
    weights: number,
    ldw: number,
    rectify: boolean,
    y: number,
    ldy: number,
  ): void;
  gatherDot(
    table: number,
    ldt: number,
    places: number,
    n: number,
    c: number,
    own: number,
    y: number,
  ): void;
  dotInteractionsBack(
    d: number,
    ldd: number,
    v: number,
    ldv: number,
    n: number,
    s: number,
    k: number,
    accumulate: boolean,
    dv: number,
    lddv: number,
  ): void;
  gatherOccurrences(
    rows: number,
    inverse: number,
    offsets: number,
    step: number,
    n: number,
    padded: number,
    dim: number,
    out: number,
    ldo: number,
    starts: number,
  ): number;
  poolOccurrences(
    x: number,
    ldx: number,
    starts: number,
    n: number,
    c: number,
    isMean: boolean,
    accumulate: boolean,
    y: number,
    ldy: number,
  ): void;
  spreadOccurrences(
    x: number,
    ldx: number,
    starts: number,
    n: number,
    total: number,
    c: number,
    isMean: boolean,
    accumulate: boolean,
    y: number,
    ldy: number,
  ): void;
  softmaxOccurrences(
    x: number,
    ldx: number,
    starts: number,
    n: number,
    total: number,
    c: number,
    y: number,
    ldy: number,
  ): void;
  softmaxOccurrencesBack(
    d: number,
    ldd: number,
    y: number,
    ldy: number,
    starts: number,
    n: number,
    total: number,
    c: number,
    accumulate: boolean,
    dx: number,
    lddx: number,
  ): void;
  addPositions(
    x: number,
    ldx: number,
    table: number,
    positions: number,
    starts: number,
    n: number,
    total: number,
    c: number,
    y: number,
    ldy: number,
  ): void;
  addPositionsBack(
    d: number,
    ldd: number,
    starts: number,
    n: number,
    positions: number,
    c: number,
    g: number,
    ldg: number,
  ): void;
  attention(
    q: number,
    ldq: number,
    k: number,
    ldk: number,
    v: number,
    ldv: number,
    starts: number,
    n: number,
    total: number,
    c: number,
    heads: number,
    causal: boolean,
    scratch: number,
    y: number,
    ldy: number,
  ): void;
  attentionBack(
    d: number,
    ldd: number,
    q: number,
    ldq: number,
    k: number,
    ldk: number,
    v: number,
    ldv: number,
    starts: number,
    n: number,
    total: number,
    c: number,
    heads: number,
    causal: boolean,
    scratch: number,
    accumulateQ: boolean,
    dq: number,
    lddq: number,
    accumulateK: boolean,
    dk: number,
    lddk: number,
    accumulateV: boolean,
    dv: number,
    lddv: number,
  ): void;
}
