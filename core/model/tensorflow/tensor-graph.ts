/**
 * A computation that is built once and run many times: nodes are outputs of operations, and a session runs all that its
 * fetches need in one call. This is the seam between a network's graph (../graph.ts), which says what is computed, and a library
 * that computes it (runtime/tensorflow/ has libtensorflow).
 */
export interface TensorNode {
  /** Handle of the operation. */
  readonly operation: number;
  /** Which of its outputs. */
  readonly index: number;
}

export interface TensorRuntime {
  /** Of the library, such as `2.18.1`. */
  readonly version: string;
  createGraph(): TensorGraph;
}

/** Numbers are f32 unless said; operations are named as TensorFlow names them. */
export interface TensorGraph {
  /** An operation whose attributes all have defaults or follow from its inputs. */
  readonly operation: (type: string, ...inputs: TensorNode[]) => TensorNode;
  /** What is fed; −1 in `shape` is a length that each feed decides. */
  placeholder(shape: readonly number[], type?: 'f32' | 'i32'): TensorNode;
  constant(shape: readonly number[], values: readonly number[], type?: 'f32' | 'i32'): TensorNode;
  reshape(x: TensorNode, shape: readonly number[]): TensorNode;
  sum(x: TensorNode, axes: readonly number[], keepDims: boolean): TensorNode;
  max(x: TensorNode, axes: readonly number[], keepDims: boolean): TensorNode;
  /** Rows of x, as many and in the shape of `indices`, i32. */
  gather(x: TensorNode, indices: TensorNode): TensorNode;
  /** a·b of each of [n, …, …], or a·bᵀ. */
  batchProduct(a: TensorNode, b: TensorNode, transposed: boolean): TensorNode;
  /** [n, Σ widths] → one [n, width] each. */
  splitColumns(x: TensorNode, widths: readonly number[]): TensorNode[];
  concat(parts: readonly TensorNode[], axis: number): TensorNode;
  /** Along the last axis, whatever the rank. */
  splitLast(x: TensorNode, parts: number): TensorNode[];
  /** dy/dx for each x, by the library's own rules. y has to depend on every one of them. */
  gradients(y: TensorNode, xs: readonly TensorNode[]): TensorNode[];
  /** The graph is complete then. */
  session(feeds: readonly TensorNode[], fetches: readonly TensorNode[]): TensorSession;
}

/** What is fed stays fed until it is fed anew. Not to be used by two at a time. */
export interface TensorSession {
  /** Copies `values`, row-major of `shape`, into the input of that index. */
  feed(input: number, values: Float32Array | Int32Array, shape: readonly number[]): void;
  /** @throws StarlingError TENSORFLOW_FAILED */
  run(): void;
  /** Copies a result of the last run out, as long as `target` is. Once for each run and fetch. */
  read(fetch: number, target: Float32Array): void;
  /** Names of the devices that it may use, as the library has them. */
  devices(): string[];
  close(): void;
}
