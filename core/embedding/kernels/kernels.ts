/**
 * The compiled kernels. Addresses are bytes of the memory they were made with, lists are of 32-bit words. `directory`: the
 * addresses of pages. `places`: where each row of a block begins, written by `touch`. `scratch`: blockScratchBytes.
 */
export interface Kernels {
  /** Rows of keys (u32 pairs), or -1; returns how many are missing. */
  find(
    directory: number,
    mask: number,
    splitCount: number,
    seedA: number,
    seedB: number,
    seedC: number,
    keys: number,
    count: number,
    rows: number,
    scratch: number,
  ): number;
  /** As find, and the first `bytes` of each row to out, zeros for one that is missing. */
  lookup(
    directory: number,
    mask: number,
    splitCount: number,
    seedA: number,
    seedB: number,
    seedC: number,
    keys: number,
    count: number,
    rows: number,
    scratch: number,
    rowDirectory: number,
    pageShift: number,
    rowBytes: number,
    bytes: number,
    out: number,
  ): number;
  /** `bytes` of each row, from byte `skip` on; zeros for row -1. */
  gather(
    directory: number,
    pageShift: number,
    rowBytes: number,
    rows: number,
    count: number,
    skip: number,
    bytes: number,
    out: number,
    scratch: number,
  ): void;
  gatherFp16(
    directory: number,
    pageShift: number,
    rowBytes: number,
    rows: number,
    count: number,
    dim: number,
    out: number,
    scratch: number,
  ): void;
  gatherInt8(
    directory: number,
    pageShift: number,
    rowBytes: number,
    rows: number,
    count: number,
    dim: number,
    prefix: number,
    out: number,
    scratch: number,
  ): void;
  /** Writes places, and brings the rows of a block into cache; no row is -1. */
  touch(
    directory: number,
    pageShift: number,
    rowBytes: number,
    rows: number,
    count: number,
    places: number,
    scratch: number,
  ): void;
  /** Notes an update of each row of a block in its facts. */
  record(
    directory: number,
    pageShift: number,
    rows: number,
    count: number,
    atSeconds: number,
    scratch: number,
  ): void;
  addWeights(places: number, count: number, dim: number, grads: number, l2: number): void;
  decayWeights(places: number, count: number, dim: number, decay: number): void;
  stepSgd(places: number, count: number, dim: number, grads: number, rate: number): void;
  stepMomentum(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    momentum: number,
    nesterov: boolean,
  ): void;
  /** firstRate: of the first weight of a row. squares: what is added to the state, like grads; 0: the squares of those. */
  stepAdagrad(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    epsilon: number,
    firstRate: number,
    squares: number,
  ): void;
  stepAdam(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    keepsLargest: boolean,
  ): void;
  stepRmsprop(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    rho: number,
    momentum: number,
    epsilon: number,
  ): void;
  stepAdadelta(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    rho: number,
    epsilon: number,
  ): void;
  stepFtrl(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    beta: number,
    l1: number,
    l2: number,
    threshold: number,
  ): void;
  stepGroupAdagrad(
    places: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    beta: number,
    threshold: number,
  ): void;
}
