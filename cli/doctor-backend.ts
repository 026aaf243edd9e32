import { existsSync } from 'node:fs';
import path from 'node:path';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { loadBackend } from '../core/model/backend.js';
import { messageOf } from '../core/base/errors.js';
import { systemClock } from '../runtime/system.js';
import { findLibrary } from '../runtime/tensorflow/library.js';
import { deviceOf, probe } from '../runtime/tensorflow/probe.js';
import { TensorflowBackends } from '../runtime/tensorflow/tensorflow-backends.js';
import type { DoctorOptions, Finding } from './doctor-finding.js';

type Found = Omit<Finding, 'name'>;

const remedyOfTensorflow =
  'Run `starling setup-tensorflow` again, or unset TENSORFLOW_LIB; without TensorFlow nothing is lost but speed.';

/** What would compute the network here, and why; and which TensorFlow there is, with what it computes on. */
export async function checkBackend(
  { stateDir }: DoctorOptions,
  config: ClusterConfig | undefined,
): Promise<Found> {
  const startMs = performance.now();
  const { name, detail } = await backendHere(stateDir, config);
  const took = `${detail}, loaded in ${Math.round(performance.now() - startMs)} ms`;
  if (name === 'cpu') {
    const remedy =
      'Use Node 20 or newer: its WebAssembly has what the kernels need, which are some 100 times as fast.';
    return { level: 'warn', detail: took, remedy };
  }
  try {
    return { level: 'ok', detail: [took, ...(await tensorflowLine())].join('\n') };
  } catch (error) {
    return { level: 'warn', detail: `${name}\n${messageOf(error)}`, remedy: remedyOfTensorflow };
  }
}

async function backendHere(
  stateDir: string,
  config: ClusterConfig | undefined,
): Promise<{ name: string; detail: string }> {
  // Without a configuration there is no model that anything could be faster for.
  if (config === undefined) {
    const { name } = await loadBackend('auto');
    return { name, detail: name };
  }
  const state = path.resolve(stateDir);
  const folder = existsSync(state) ? { folder: path.join(state, 'backends') } : {};
  const backends = new TensorflowBackends({ ...folder, clock: systemClock });
  return backends.load(config.model.backend, blueprintOf(config).model, 'training');
}

async function tensorflowLine(): Promise<string[]> {
  const library = findLibrary();
  if (library === undefined) return ['no TensorFlow here; `starling setup-tensorflow` brings it'];
  const found = await probe({ library: library.path });
  return [`TensorFlow ${found.version} on the ${deviceOf(found)}: ${library.path}`];
}
