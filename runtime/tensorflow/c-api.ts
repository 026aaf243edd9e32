import { StarlingError } from '../../core/base/errors.js';
import { loadKoffi, type CType } from './koffi.js';

/**
 * What is used of the C API of libtensorflow (tensorflow/c/c_api.h, c_api_eager.h), from 2.12 on. All handles are numbers.
 */
export type Handle = number;

/** By value: `TF_Output`. */
export interface COutput {
  op: Handle;
  index: number;
}

export const dataType = {
  float: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  resource: 20,
} as const;

type Bytes = Uint8Array | Int32Array | Float32Array | BigInt64Array | BigUint64Array;

/** Either kind of use has functions of its own beside these. */
interface Common {
  version(): string;
  newStatus(): Handle;
  code(status: Handle): number;
  message(status: Handle): string;
  deviceCount(list: Handle): number;
  deviceName(list: Handle, index: number, status: Handle): string;
  deviceType(list: Handle, index: number, status: Handle): string;
  deleteDevices(list: Handle): void;
  allocate(type: number, dims: BigInt64Array, rank: number, byteLength: number): Handle;
  data(tensor: Handle): Handle;
  byteSize(tensor: Handle): number;
  deleteTensor(tensor: Handle): void;
  /** `memcpy`, once for each direction, as only one side is an address. */
  copyIn(target: Handle, source: Bytes, byteLength: number): Handle;
  copyOut(target: Bytes, source: Handle, byteLength: number): Handle;
}

export interface GraphApi extends Common {
  newGraph(): Handle;
  newOperation(graph: Handle, type: string, name: string): Handle;
  finish(description: Handle, status: Handle): Handle;
  addInput(description: Handle, input: COutput): void;
  addInputList(description: Handle, inputs: readonly COutput[], count: number): void;
  attrType(description: Handle, name: string, type: number): void;
  attrShape(description: Handle, name: string, dims: BigInt64Array, rank: number): void;
  attrBool(description: Handle, name: string, value: number): void;
  attrInt(description: Handle, name: string, value: number): void;
  attrTensor(description: Handle, name: string, tensor: Handle, status: Handle): void;
  addGradients(
    graph: Handle,
    ys: readonly COutput[],
    yCount: number,
    xs: readonly COutput[],
    xCount: number,
    dx: null,
    status: Handle,
    dys: COutput[],
  ): void;
  newSessionOptions(): Handle;
  deleteSessionOptions(options: Handle): void;
  setConfig(options: Handle, proto: Uint8Array, length: number, status: Handle): void;
  newSession(graph: Handle, options: Handle, status: Handle): Handle;
  closeSession(session: Handle, status: Handle): void;
  deleteSession(session: Handle, status: Handle): void;
  deleteGraph(graph: Handle): void;
  runSession(
    session: Handle,
    runOptions: number,
    inputs: BigUint64Array,
    inputTensors: BigUint64Array,
    inputCount: number,
    outputs: BigUint64Array,
    outputTensors: BigUint64Array,
    outputCount: number,
    targets: number,
    targetCount: number,
    runMetadata: number,
    status: Handle,
  ): void;
  listDevices(session: Handle, status: Handle): Handle;
}

export interface EagerApi extends Common {
  newOptions(): Handle;
  setConfig(options: Handle, proto: Uint8Array, length: number, status: Handle): void;
  deleteOptions(options: Handle): void;
  newContext(options: Handle, status: Handle): Handle;
  listDevices(context: Handle, status: Handle): Handle;
  newHandle(tensor: Handle, status: Handle): Handle;
  deleteHandle(handle: Handle): void;
  resolve(handle: Handle, status: Handle): Handle;
  handleType(handle: Handle): number;
  rank(handle: Handle, status: Handle): number;
  dimension(handle: Handle, index: number, status: Handle): number;
  copyToDevice(handle: Handle, context: Handle, device: Uint8Array, status: Handle): Handle;
  newOperation(context: Handle, name: Uint8Array, status: Handle): Handle;
  deleteOperation(operation: Handle): void;
  addInput(operation: Handle, input: Handle, status: Handle): void;
  attrString(operation: Handle, name: Uint8Array, value: Uint8Array, length: number): void;
  attrInt(operation: Handle, name: Uint8Array, value: number): void;
  attrIntList(operation: Handle, name: Uint8Array, values: BigInt64Array, count: number): void;
  attrFloat(operation: Handle, name: Uint8Array, value: number): void;
  attrFloatList(operation: Handle, name: Uint8Array, values: Float32Array, count: number): void;
  attrBool(operation: Handle, name: Uint8Array, value: number): void;
  attrBoolList(operation: Handle, name: Uint8Array, values: Uint8Array, count: number): void;
  attrType(operation: Handle, name: Uint8Array, value: number): void;
  attrShape(
    operation: Handle,
    name: Uint8Array,
    dims: BigInt64Array,
    rank: number,
    status: Handle,
  ): void;
  execute(operation: Handle, results: BigUint64Array, count: Int32Array, status: Handle): void;
}

const h = 'size_t';
const p = 'void *';
const s = 'const char *';

type Signature = readonly [name: string, result: CType, ...parameters: CType[]];
type Signatures<Api> = { readonly [K in keyof Api]: Signature };

const common: Signatures<Common> = {
  version: ['TF_Version', s],
  newStatus: ['TF_NewStatus', h],
  code: ['TF_GetCode', 'int', h],
  message: ['TF_Message', s, h],
  deviceCount: ['TF_DeviceListCount', 'int', h],
  deviceName: ['TF_DeviceListName', s, h, 'int', h],
  deviceType: ['TF_DeviceListType', s, h, 'int', h],
  deleteDevices: ['TF_DeleteDeviceList', 'void', h],
  allocate: ['TF_AllocateTensor', h, 'int', p, 'int', 'size_t'],
  data: ['TF_TensorData', h, h],
  byteSize: ['TF_TensorByteSize', 'size_t', h],
  deleteTensor: ['TF_DeleteTensor', 'void', h],
  copyIn: ['memcpy', h, h, p, 'size_t'],
  copyOut: ['memcpy', h, p, h, 'size_t'],
};

function graphSignatures(output: CType, outputs: CType, gradients: CType): Signatures<GraphApi> {
  return {
    ...common,
    newGraph: ['TF_NewGraph', h],
    newOperation: ['TF_NewOperation', h, h, s, s],
    finish: ['TF_FinishOperation', h, h, h],
    addInput: ['TF_AddInput', 'void', h, output],
    addInputList: ['TF_AddInputList', 'void', h, outputs, 'int'],
    attrType: ['TF_SetAttrType', 'void', h, s, 'int'],
    attrShape: ['TF_SetAttrShape', 'void', h, s, p, 'int'],
    attrBool: ['TF_SetAttrBool', 'void', h, s, 'uint8_t'],
    attrInt: ['TF_SetAttrInt', 'void', h, s, 'int64_t'],
    attrTensor: ['TF_SetAttrTensor', 'void', h, s, h, h],
    addGradients: [
      'TF_AddGradients',
      ...['void', h, outputs, 'int', outputs, 'int', p, h, gradients],
    ] as const,
    newSessionOptions: ['TF_NewSessionOptions', h],
    deleteSessionOptions: ['TF_DeleteSessionOptions', 'void', h],
    setConfig: ['TF_SetConfig', 'void', h, p, 'size_t', h],
    newSession: ['TF_NewSession', h, h, h, h],
    closeSession: ['TF_CloseSession', 'void', h, h],
    deleteSession: ['TF_DeleteSession', 'void', h, h],
    deleteGraph: ['TF_DeleteGraph', 'void', h],
    runSession: ['TF_SessionRun', 'void', h, h, p, p, 'int', p, p, 'int', h, 'int', h, h],
    listDevices: ['TF_SessionListDevices', h, h, h],
  };
}

const eager: Signatures<EagerApi> = {
  ...common,
  newOptions: ['TFE_NewContextOptions', h],
  setConfig: ['TFE_ContextOptionsSetConfig', 'void', h, p, 'size_t', h],
  deleteOptions: ['TFE_DeleteContextOptions', 'void', h],
  newContext: ['TFE_NewContext', h, h, h],
  listDevices: ['TFE_ContextListDevices', h, h, h],
  newHandle: ['TFE_NewTensorHandle', h, h, h],
  deleteHandle: ['TFE_DeleteTensorHandle', 'void', h],
  resolve: ['TFE_TensorHandleResolve', h, h, h],
  handleType: ['TFE_TensorHandleDataType', 'int', h],
  rank: ['TFE_TensorHandleNumDims', 'int', h, h],
  dimension: ['TFE_TensorHandleDim', 'int64_t', h, 'int', h],
  copyToDevice: ['TFE_TensorHandleCopyToDevice', h, h, h, p, h],
  newOperation: ['TFE_NewOp', h, h, p, h],
  deleteOperation: ['TFE_DeleteOp', 'void', h],
  addInput: ['TFE_OpAddInput', 'void', h, h, h],
  attrString: ['TFE_OpSetAttrString', 'void', h, p, p, 'size_t'],
  attrInt: ['TFE_OpSetAttrInt', 'void', h, p, 'int64_t'],
  attrIntList: ['TFE_OpSetAttrIntList', 'void', h, p, p, 'int'],
  attrFloat: ['TFE_OpSetAttrFloat', 'void', h, p, 'float'],
  attrFloatList: ['TFE_OpSetAttrFloatList', 'void', h, p, p, 'int'],
  attrBool: ['TFE_OpSetAttrBool', 'void', h, p, 'uint8_t'],
  attrBoolList: ['TFE_OpSetAttrBoolList', 'void', h, p, p, 'int'],
  attrType: ['TFE_OpSetAttrType', 'void', h, p, 'int'],
  attrShape: ['TFE_OpSetAttrShape', 'void', h, p, p, 'int', h],
  execute: ['TFE_Execute', 'void', h, p, p, h],
};

/** @throws StarlingError TENSORFLOW_FAILED where the file is no such library; one that does not fit may end the process instead. */
export function loadGraphApi(library: string): GraphApi {
  const koffi = loadKoffi();
  const output = koffi.struct({ op: 'size_t', index: 'int' });
  const outputs = koffi.pointer(output);
  return bind(library, graphSignatures(output, outputs, koffi.out(outputs)));
}

/** @throws as loadGraphApi does */
export function loadEagerApi(library: string): EagerApi {
  return bind(library, eager);
}

function bind<Api>(library: string, signatures: Signatures<Api>): Api {
  // Else it tells of the processor's features on stderr. Before it is loaded, as it is read then.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  try {
    const loaded = loadKoffi().load(library);
    const entries = Object.entries<Signature>(signatures as Record<string, Signature>);
    return Object.fromEntries(
      entries.map(([key, [name, result, ...rest]]) => [key, loaded.func(name, result, rest)]),
    ) as Api;
  } catch (cause) {
    if (cause instanceof StarlingError) throw cause;
    throw new StarlingError(
      'TENSORFLOW_FAILED',
      `${library} can't be used as libtensorflow: ${(cause as Error).message}`,
      { library },
      { cause },
    );
  }
}

/** Throws what a status says unless it is well. */
export function checkStatus(
  api: Pick<Common, 'code' | 'message'>,
  status: Handle,
  what: string,
): void {
  const code = api.code(status);
  if (code === 0) return;
  throw new StarlingError('TENSORFLOW_FAILED', `${what}: ${api.message(status)}`, { code });
}

/** As a varint of 64 bits, which an int32 below 0 is. */
const minusOne = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1] as const;

/**
 * ConfigProto by hand: intra_op_parallelism_threads = 2, inter_op_parallelism_threads = 5, allow_soft_placement = 7,
 * gpu_options = 6 { allow_growth = 4 }. One thread, and that of the caller (−1): the actors of a host share its cores, and
 * where they are busy a thread that is waited for comes late. Without growth each process would take a whole GPU.
 */
export const sessionConfig = Uint8Array.of(16, 1, 40, ...minusOne, 56, 1, 50, 2, 32, 1);
