import { assert } from '../../core/base/assert.js';
import type {
  TensorGraph,
  TensorNode,
  TensorRuntime,
  TensorSession,
} from '../../core/model/tensorflow/tensor-graph.js';
import {
  checkStatus,
  dataType,
  loadGraphApi,
  sessionConfig,
  type COutput,
  type GraphApi,
  type Handle,
} from './c-api.js';

/** Graphs of one library; a process has one, as loading two of them is not safe. */
const opened = new Map<string, TensorRuntime>();

/**
 * Loads libtensorflow into this process: some 0.5 s, and 250 MB of pages that all processes of the host share.
 * @throws StarlingError TENSORFLOW_MISSING, TENSORFLOW_FAILED
 */
export function openTensorRuntime(library: string): TensorRuntime {
  const known = opened.get(library);
  if (known) return known;
  const api = loadGraphApi(library);
  const runtime = { version: api.version(), createGraph: () => new Graph(api) };
  opened.set(library, runtime);
  return runtime;
}

class Graph implements TensorGraph {
  readonly #api: GraphApi;
  readonly #graph: Handle;
  readonly #status: Handle;
  #count = 0;

  constructor(api: GraphApi) {
    this.#api = api;
    this.#graph = api.newGraph();
    this.#status = api.newStatus();
  }

  // A property: blocks take it out of the graph.
  readonly operation = (type: string, ...inputs: TensorNode[]): TensorNode =>
    this.#add(type, (description) => {
      for (const input of inputs) this.#api.addInput(description, output(input));
    });

  placeholder(shape: readonly number[], type: 'f32' | 'i32' = 'f32'): TensorNode {
    return this.#add('Placeholder', (description) => {
      this.#api.attrType(description, 'dtype', type === 'f32' ? dataType.float : dataType.int32);
      this.#api.attrShape(description, 'shape', dimensions(shape), shape.length);
    });
  }

  constant(
    shape: readonly number[],
    values: readonly number[],
    type: 'f32' | 'i32' = 'f32',
  ): TensorNode {
    return type === 'f32'
      ? this.#constant(dataType.float, shape, Float32Array.from(values))
      : this.#constant(dataType.int32, shape, Int32Array.from(values));
  }

  reshape(x: TensorNode, shape: readonly number[]): TensorNode {
    return this.operation('Reshape', x, this.#integers(shape));
  }

  sum(x: TensorNode, axes: readonly number[], keepDims: boolean): TensorNode {
    return this.#reduced('Sum', x, axes, keepDims);
  }

  max(x: TensorNode, axes: readonly number[], keepDims: boolean): TensorNode {
    return this.#reduced('Max', x, axes, keepDims);
  }

  gather(x: TensorNode, indices: TensorNode): TensorNode {
    return this.operation('GatherV2', x, indices, this.#integer(0));
  }

  batchProduct(a: TensorNode, b: TensorNode, transposed: boolean): TensorNode {
    return this.#add('BatchMatMul', (description) => {
      this.#api.addInput(description, output(a));
      this.#api.addInput(description, output(b));
      this.#api.attrBool(description, 'adj_y', transposed ? 1 : 0);
    });
  }

  splitLast(x: TensorNode, parts: number): TensorNode[] {
    // Its gradient joins them, and that operation wants two.
    if (parts === 1) return [x];
    const { operation } = this.#add('Split', (description) => {
      this.#api.addInput(description, output(this.#integer(-1)));
      this.#api.addInput(description, output(x));
      this.#api.attrInt(description, 'num_split', parts);
    });
    return Array.from({ length: parts }, (_, index) => ({ operation, index }));
  }

  splitColumns(x: TensorNode, widths: readonly number[]): TensorNode[] {
    const { operation } = this.#add('SplitV', (description) => {
      this.#api.addInput(description, output(x));
      this.#api.addInput(description, output(this.#integers(widths)));
      this.#api.addInput(description, output(this.#integer(1)));
      this.#api.attrInt(description, 'num_split', widths.length);
    });
    return widths.map((_, index) => ({ operation, index }));
  }

  concat(parts: readonly TensorNode[], axis: number): TensorNode {
    // The operation wants two.
    if (parts.length === 1) return parts[0]!;
    return this.#add('ConcatV2', (description) => {
      this.#api.addInputList(description, parts.map(output), parts.length);
      this.#api.addInput(description, output(this.#integer(axis)));
    });
  }

  gradients(y: TensorNode, xs: readonly TensorNode[]): TensorNode[] {
    const api = this.#api;
    const results: COutput[] = xs.map(() => ({ op: 0, index: 0 }));
    const inputs = xs.map(output);
    api.addGradients(
      this.#graph,
      [output(y)],
      1,
      inputs,
      inputs.length,
      null,
      this.#status,
      results,
    );
    checkStatus(api, this.#status, 'TF_AddGradients');
    return results.map(({ op, index }) => ({ operation: op, index }));
  }

  session(feeds: readonly TensorNode[], fetches: readonly TensorNode[]): TensorSession {
    return new Session(this.#api, this.#graph, feeds, fetches);
  }

  #add(type: string, build: (description: Handle) => void): TensorNode {
    const description = this.#api.newOperation(this.#graph, type, `${type}_${this.#count++}`);
    build(description);
    const operation = this.#api.finish(description, this.#status);
    checkStatus(this.#api, this.#status, type);
    return { operation, index: 0 };
  }

  #reduced(
    type: 'Sum' | 'Max',
    x: TensorNode,
    axes: readonly number[],
    keepDims: boolean,
  ): TensorNode {
    return this.#add(type, (description) => {
      this.#api.addInput(description, output(x));
      this.#api.addInput(description, output(this.#integers(axes)));
      this.#api.attrBool(description, 'keep_dims', keepDims ? 1 : 0);
    });
  }

  #integers(values: readonly number[]): TensorNode {
    return this.#constant(dataType.int32, [values.length], Int32Array.from(values));
  }

  #integer(value: number): TensorNode {
    return this.#constant(dataType.int32, [], Int32Array.of(value));
  }

  #constant(
    type: number,
    shape: readonly number[],
    values: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  ): TensorNode {
    const api = this.#api;
    const tensor = allocated(api, type, shape);
    api.copyIn(api.data(tensor), values, values.byteLength);
    const node = this.#add('Const', (description) => {
      api.attrType(description, 'dtype', type);
      api.attrTensor(description, 'value', tensor, this.#status);
    });
    api.deleteTensor(tensor);
    return node;
  }
}

interface Fed {
  readonly tensor: Handle;
  readonly data: Handle;
  readonly byteLength: number;
  /** The shape, as text. */
  readonly form: string;
}

/**
 * Tensors that are fed stay, and are written over while their size is the same: a session only reads them. Results are
 * tensors of the library's, from each run until they are read or the next one begins.
 */
class Session implements TensorSession {
  readonly #api: GraphApi;
  readonly #graph: Handle;
  readonly #session: Handle;
  readonly #status: Handle;
  readonly #fed: (Fed | undefined)[];
  readonly #inputs: BigUint64Array;
  readonly #outputs: BigUint64Array;
  readonly #inputTensors: BigUint64Array;
  readonly #outputTensors: BigUint64Array;
  /** The same as pairs of numbers. */
  readonly #outputWords: Uint32Array;
  #isClosed = false;

  constructor(
    api: GraphApi,
    graph: Handle,
    feeds: readonly TensorNode[],
    fetches: readonly TensorNode[],
  ) {
    this.#api = api;
    this.#graph = graph;
    this.#status = api.newStatus();
    const options = api.newSessionOptions();
    api.setConfig(options, sessionConfig, sessionConfig.length, this.#status);
    checkStatus(api, this.#status, 'TF_SetConfig');
    this.#session = api.newSession(graph, options, this.#status);
    checkStatus(api, this.#status, 'TF_NewSession');
    api.deleteSessionOptions(options);
    this.#fed = new Array<Fed | undefined>(feeds.length);
    this.#inputs = packed(feeds);
    this.#outputs = packed(fetches);
    this.#inputTensors = new BigUint64Array(feeds.length);
    this.#outputTensors = new BigUint64Array(fetches.length);
    this.#outputWords = new Uint32Array(this.#outputTensors.buffer);
  }

  feed(input: number, values: Float32Array | Int32Array, shape: readonly number[]): void {
    const api = this.#api;
    const { byteLength } = values;
    let fed = this.#fed[input];
    // As many bytes may be of another shape.
    const form = shape.join('×');
    if (fed?.byteLength !== byteLength || fed.form !== form) {
      if (fed) api.deleteTensor(fed.tensor);
      const type = values instanceof Int32Array ? dataType.int32 : dataType.float;
      const tensor = allocated(api, type, shape);
      fed = { tensor, data: api.data(tensor), byteLength, form };
      assert(api.byteSize(tensor) === byteLength, `${byteLength} bytes for ${shape.join(' × ')}`);
      this.#fed[input] = fed;
      this.#inputTensors[input] = BigInt(tensor);
    }
    if (byteLength > 0) api.copyIn(fed.data, values, byteLength);
  }

  run(): void {
    assert(!this.#isClosed, 'a session that is closed runs no more');
    this.#forget();
    this.#api.runSession(
      this.#session,
      0,
      this.#inputs,
      this.#inputTensors,
      this.#inputTensors.length,
      this.#outputs,
      this.#outputTensors,
      this.#outputTensors.length,
      0,
      0,
      0,
      this.#status,
    );
    checkStatus(this.#api, this.#status, 'TF_SessionRun');
  }

  read(fetch: number, target: Float32Array): void {
    const api = this.#api;
    const tensor = this.#result(fetch);
    assert(tensor !== 0, 'a result is read once, after a run');
    const byteLength = api.byteSize(tensor);
    assert(byteLength === target.byteLength, `${byteLength} bytes into ${target.byteLength}`);
    if (byteLength > 0) api.copyOut(target, api.data(tensor), byteLength);
    this.#delete(fetch, tensor);
  }

  devices(): string[] {
    const api = this.#api;
    const list = api.listDevices(this.#session, this.#status);
    checkStatus(api, this.#status, 'TF_SessionListDevices');
    const names = Array.from({ length: api.deviceCount(list) }, (_, i) =>
      api.deviceName(list, i, this.#status),
    );
    api.deleteDevices(list);
    return names;
  }

  close(): void {
    const api = this.#api;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forget();
    for (const fed of this.#fed) if (fed) api.deleteTensor(fed.tensor);
    this.#fed.fill(undefined);
    api.closeSession(this.#session, this.#status);
    api.deleteSession(this.#session, this.#status);
    api.deleteGraph(this.#graph);
  }

  #result(fetch: number): Handle {
    return this.#outputWords[2 * fetch]! + this.#outputWords[2 * fetch + 1]! * 2 ** 32;
  }

  #delete(fetch: number, tensor: Handle): void {
    this.#api.deleteTensor(tensor);
    this.#outputTensors[fetch] = 0n;
  }

  /** What nobody has read. */
  #forget(): void {
    for (let fetch = 0; fetch < this.#outputTensors.length; fetch++) {
      const tensor = this.#result(fetch);
      if (tensor !== 0) this.#delete(fetch, tensor);
    }
  }
}

/** All types in use have four bytes. */
function allocated(api: GraphApi, type: number, shape: readonly number[]): Handle {
  const count = shape.reduce((product, length) => product * length, 1);
  return api.allocate(type, dimensions(shape), shape.length, 4 * count);
}

/** Never empty: the address of an empty array is none. */
function dimensions(shape: readonly number[]): BigInt64Array {
  return BigInt64Array.from(shape.length > 0 ? shape : [0], BigInt);
}

function output({ operation, index }: TensorNode): COutput {
  return { op: operation, index };
}

/** struct { void *; int; }: 16 bytes each. */
function packed(nodes: readonly TensorNode[]): BigUint64Array {
  const words = new BigUint64Array(2 * nodes.length);
  nodes.forEach(({ operation, index }, i) => {
    words[2 * i] = BigInt(operation);
    words[2 * i + 1] = BigInt(index);
  });
  return words;
}
