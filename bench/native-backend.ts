import type { Backend } from '../core/model/backend.js';
import { tensorExecutor } from '../core/model/tensorflow/tensor-executor.js';
import { openTensorRuntime } from '../runtime/tensorflow/tensor-runtime.js';

/** libtensorflow, with the step as one graph. */
export function nativeBackend(library: string): Backend {
  return { name: 'tensorflow', executor: tensorExecutor(openTensorRuntime(library)) };
}
