import { messageOf, StarlingError } from '../base/errors.js';
import type { Executor } from './executor.js';
import { graphOf, type Graph } from './graph.js';
import { kernelExecutor } from './kernels/kernel-executor.js';
import { kernelKind } from './kernels/kernel-module.js';
import type { ModelSpec } from './network.js';
import { loadTf, type TfBackendName } from './tfjs/load-tf.js';
import { tfExecutor } from './tfjs/tf-executor.js';

/**
 * `kernels`: our own, in WebAssembly; the others are those of TensorFlow.js. `tfjs-node` is what `tensorflow` is where there is
 * nothing faster: the kernels of that package (backend-source.ts).
 */
export type BackendName = 'kernels' | 'tfjs-node' | TfBackendName;
export type BackendPreference = 'auto' | BackendName;

/** What computes networks in this process. */
export interface Backend {
  readonly name: BackendName;
  readonly executor: Executor;
}

/** Fastest first. */
const byDefault: readonly BackendName[] = ['kernels', 'tensorflow', 'wasm', 'cpu'];

/**
 * `auto` takes the first that loads and knows all blocks of the network.
 *
 * @throws CONFIG_INVALID when the backend asked for by name does not load here, or lacks a block.
 */
export async function loadBackend(
  preference: BackendPreference,
  model?: ModelSpec,
): Promise<Backend> {
  return loadBackendFor(preference, model && graphOf(model));
}

/** The same for a network that is a graph already. */
export async function loadBackendFor(
  preference: BackendPreference,
  graph: Graph | undefined,
): Promise<Backend> {
  const candidates = preference === 'auto' ? byDefault : [preference];
  const reasons: string[] = [];
  for (const name of candidates) {
    try {
      const executor = await executorOf(name);
      const missing = graph ? executor.missing(graph) : [];
      if (missing.length === 0) return { name, executor };
      reasons.push(`${name}: it lacks ${missing.join(', ')}, which the network has`);
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new StarlingError(
    'CONFIG_INVALID',
    `model.backend is "${preference}", which does not load here (${reasons.join('; ')}); use "auto"`,
    { preference, reasons },
  );
}

async function executorOf(name: BackendName): Promise<Executor> {
  if (name === 'tfjs-node') return tfExecutor(await loadTf('tensorflow'));
  if (name !== 'kernels') return tfExecutor(await loadTf(name));
  const kind = kernelKind();
  if (!kind) throw new Error('this engine has no SIMD for WebAssembly');
  return kernelExecutor(kind);
}
