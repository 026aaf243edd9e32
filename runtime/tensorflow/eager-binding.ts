import {
  checkStatus,
  dataType,
  loadEagerApi,
  sessionConfig,
  type EagerApi,
  type Handle,
} from './c-api.js';

/**
 * The native binding of @tensorflow/tfjs-node(-gpu), written against the C API instead of compiled: the methods and constants of its
 * tfjs_binding.node that training and scoring need. Any libtensorflow from 2.12 on will do, and results are those of the compiled one,
 * bit for bit. It copies into memory of the library's, where the compiled one shares that of JavaScript.
 */
const attributeType = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

type Values = Float32Array | Int32Array | Uint8Array | BigInt64Array;

const arrays: Readonly<Record<number, new (length: number) => Values>> = {
  [dataType.float]: Float32Array,
  [dataType.int32]: Int32Array,
  [dataType.uint8]: Uint8Array,
  [dataType.int64]: BigInt64Array,
  [dataType.bool]: Uint8Array,
};

const bytesOf: Readonly<Record<number, number>> = {
  [dataType.float]: 4,
  [dataType.int32]: 4,
  [dataType.uint8]: 1,
  [dataType.int64]: 8,
  [dataType.bool]: 1,
};

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[] | readonly boolean[];
}

interface Output {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

const dimensionsMax = 8;
const outputsMax = 64;

export class EagerBinding {
  readonly TF_FLOAT = dataType.float;
  readonly TF_INT32 = dataType.int32;
  readonly TF_UINT8 = dataType.uint8;
  readonly TF_STRING = dataType.string;
  readonly TF_COMPLEX64 = dataType.complex64;
  readonly TF_INT64 = dataType.int64;
  readonly TF_BOOL = dataType.bool;
  readonly TF_RESOURCE = dataType.resource;
  readonly TF_ATTR_STRING = attributeType.string;
  readonly TF_ATTR_INT = attributeType.int;
  readonly TF_ATTR_FLOAT = attributeType.float;
  readonly TF_ATTR_BOOL = attributeType.bool;
  readonly TF_ATTR_TYPE = attributeType.type;
  readonly TF_ATTR_SHAPE = attributeType.shape;
  readonly TF_Version: string;
  readonly #api: EagerApi;
  readonly #status: Handle;
  readonly #context: Handle;
  readonly #device: { readonly name: Uint8Array; readonly isGpu: boolean };
  /** C strings that outlive every call: names of operations and attributes, a few dozen in all. */
  readonly #names = new Map<string, Uint8Array>();
  readonly #handles = new Map<number, Handle>();
  #nextId = 0;
  readonly #dimensions = new BigInt64Array(dimensionsMax);
  readonly #results = new BigUint64Array(outputsMax);
  readonly #resultWords = new Uint32Array(this.#results.buffer);
  readonly #resultCount = new Int32Array(1);

  constructor(library: string) {
    const api = loadEagerApi(library);
    this.#api = api;
    this.TF_Version = api.version();
    this.#status = api.newStatus();
    const options = api.newOptions();
    api.setConfig(options, sessionConfig, sessionConfig.length, this.#status);
    this.#check('TFE_ContextOptionsSetConfig');
    this.#context = api.newContext(options, this.#status);
    this.#check('TFE_NewContext');
    api.deleteOptions(options);
    this.#device = this.#chooseDevice();
  }

  isUsingGpuDevice(): boolean {
    return this.#device.isGpu;
  }

  getNumOfTensors(): number {
    return this.#handles.size;
  }

  createTensor(shape: readonly number[], type: number, values: Values): number {
    const api = this.#api;
    const bytes = bytesOf[type];
    if (bytes === undefined || !ArrayBuffer.isView(values))
      throw new Error(`tensors of type ${type} are not supported`);
    const byteLength = shape.reduce((product, length) => product * length, bytes);
    if (values.byteLength !== byteLength)
      throw new Error(`${values.byteLength} bytes for [${shape.join(', ')}], ${byteLength} bytes`);
    shape.forEach((length, i) => (this.#dimensions[i] = BigInt(length)));
    const tensor = api.allocate(type, this.#dimensions, shape.length, byteLength);
    if (byteLength > 0) api.copyIn(api.data(tensor), values, byteLength);
    const handle = api.newHandle(tensor, this.#status);
    api.deleteTensor(tensor);
    this.#check('TFE_NewTensorHandle');
    // Integers stay on the host, where most GPU kernels expect them.
    const stays = !this.#device.isGpu || type === dataType.int32;
    return this.#keep(stays ? handle : this.#onDevice(handle));
  }

  deleteTensor(id: number): void {
    this.#api.deleteHandle(this.#handleOf(id));
    this.#handles.delete(id);
  }

  tensorDataSync(id: number): Values {
    const api = this.#api;
    const handle = this.#handleOf(id);
    const type = api.handleType(handle);
    const array = arrays[type];
    if (array === undefined) throw new Error(`tensors of type ${type} can't be read`);
    const tensor = api.resolve(handle, this.#status);
    this.#check('TFE_TensorHandleResolve');
    const byteLength = api.byteSize(tensor);
    const values = new array(byteLength / bytesOf[type]!);
    if (byteLength > 0) api.copyOut(values, api.data(tensor), byteLength);
    api.deleteTensor(tensor);
    return values;
  }

  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputCount: number,
  ): Output[] {
    const api = this.#api;
    const operation = api.newOperation(this.#context, this.#cString(name), this.#status);
    this.#check(name);
    try {
      for (const id of inputs) api.addInput(operation, this.#handleOf(id), this.#status);
      this.#check(name);
      for (const attribute of attributes) this.#set(operation, attribute);
      this.#resultCount[0] = outputCount;
      api.execute(operation, this.#results, this.#resultCount, this.#status);
      this.#check(name);
    } finally {
      api.deleteOperation(operation);
    }
    return Array.from({ length: this.#resultCount[0] }, (_, i) => this.#output(i));
  }

  #output(i: number): Output {
    const api = this.#api;
    const handle = this.#resultWords[2 * i]! + this.#resultWords[2 * i + 1]! * 2 ** 32;
    const rank = api.rank(handle, this.#status);
    const shape = Array.from({ length: rank }, (_, d) => api.dimension(handle, d, this.#status));
    this.#check('TFE_TensorHandleDim');
    return { id: this.#keep(handle), shape, dtype: api.handleType(handle) };
  }

  #set(operation: Handle, { name, type, value }: Attribute): void {
    const api = this.#api;
    const key = this.#cString(name);
    const list = Array.isArray(value) ? (value as readonly number[]) : undefined;
    switch (type) {
      case attributeType.type:
        return api.attrType(operation, key, value as number);
      case attributeType.bool:
        return list
          ? api.attrBoolList(operation, key, Uint8Array.from(list, Number), list.length)
          : api.attrBool(operation, key, value ? 1 : 0);
      case attributeType.int:
        return list
          ? api.attrIntList(operation, key, BigInt64Array.from(list, BigInt), list.length)
          : api.attrInt(operation, key, value as number);
      case attributeType.float:
        return list
          ? api.attrFloatList(operation, key, Float32Array.from(list), list.length)
          : api.attrFloat(operation, key, value as number);
      case attributeType.string: {
        const text = this.#cString(value as string);
        return api.attrString(operation, key, text, text.length - 1);
      }
      case attributeType.shape: {
        const shape = BigInt64Array.from(list!.length > 0 ? list! : [0], BigInt);
        api.attrShape(operation, key, shape, list!.length, this.#status);
        return this.#check('TFE_OpSetAttrShape');
      }
      default:
        throw new Error(`attributes of type ${type} are not supported`);
    }
  }

  #chooseDevice(): { readonly name: Uint8Array; readonly isGpu: boolean } {
    const api = this.#api;
    const list = api.listDevices(this.#context, this.#status);
    this.#check('TFE_ContextListDevices');
    const devices = Array.from({ length: api.deviceCount(list) }, (_, i) => ({
      type: api.deviceType(list, i, this.#status),
      name: api.deviceName(list, i, this.#status),
    }));
    api.deleteDevices(list);
    const gpu = devices.find(({ type }) => type === 'GPU');
    const device = gpu ?? devices.find(({ type }) => type === 'CPU');
    return { name: this.#cString(device?.name ?? ''), isGpu: gpu !== undefined };
  }

  #onDevice(handle: Handle): Handle {
    const { name } = this.#device;
    const moved = this.#api.copyToDevice(handle, this.#context, name, this.#status);
    this.#api.deleteHandle(handle);
    this.#check('TFE_TensorHandleCopyToDevice');
    return moved;
  }

  #keep(handle: Handle): number {
    const id = this.#nextId++;
    this.#handles.set(id, handle);
    return id;
  }

  #handleOf(id: number): Handle {
    const handle = this.#handles.get(id);
    if (handle === undefined) throw new Error(`no tensor with id ${id}`);
    return handle;
  }

  #cString(text: string): Uint8Array {
    let bytes = this.#names.get(text);
    if (bytes === undefined) this.#names.set(text, (bytes = Buffer.from(`${text}\0`, 'utf8')));
    return bytes;
  }

  #check(what: string): void {
    checkStatus(this.#api, this.#status, what);
  }
}
