import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import type * as wasmBackend from '@tensorflow/tfjs-backend-wasm';
import type * as tensorflow from '@tensorflow/tfjs-core';
import { messageOf } from '../../base/errors.js';

/**
 * Loads TensorFlow.js once per process, for whoever asks for it; nothing of it is loaded before.
 *
 * Start-up time counts: on one host many actors load this at the same moment. So the CommonJS bundles are loaded by
 * `require`: measured, tfjs-core takes 17 ms that way and 65 ms by `import()` of the same file (Node first scans
 * 1.2 MB for export names), and the native package is opened only when its binding lies on disk (its own check for
 * that comes after 150 ms of loading). All of tfjs-core and wasm is up in about 30 ms.
 */
export type Tf = typeof tensorflow;

export type TfBackendName = 'tensorflow' | 'wasm' | 'cpu';

const require = createRequire(import.meta.url);
const nativePackages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * The whole of @tensorflow/tfjs-core, with this backend active and ready.
 *
 * @throws where it does not load here.
 */
export async function loadTf(name: TfBackendName): Promise<Tf> {
  const tf = require('@tensorflow/tfjs-core') as Tf;
  // Its kernels may be there already, over another binding (runtime/tensorflow/tfjs-node.ts).
  if (name === 'tensorflow' && !tf.findBackendFactory(name)) loadNativePackage();
  // Leaves out per-operation checks meant for development, and a banner on every start of the cpu backend.
  tf.enableProdMode();
  if (name === 'wasm') {
    const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof wasmBackend;
    const binaries = dirname(require.resolve('@tensorflow/tfjs-backend-wasm'));
    setPathsOnce(wasm, `${binaries}/`);
  }
  if (name === 'cpu') require('@tensorflow/tfjs-backend-cpu');
  if (!(await tf.setBackend(name))) throw new Error('its initialisation failed');
  await tf.ready();
  return tf;
}

/** The wasm package refuses another path once it is initialised; the path is the same every time. */
let wasmPathsSet = false;
function setPathsOnce(wasm: typeof wasmBackend, folder: string): void {
  if (wasmPathsSet) return;
  wasm.setWasmPaths(folder);
  wasmPathsSet = true;
}

/** Native libtensorflow: an optional package whose binding may be missing although the package is there. */
function loadNativePackage(): void {
  // Still called by tfjs-node 4.22. Removed in Node 23; that of Node 22 warns.
  const legacy = util as unknown as Record<string, unknown>;
  legacy['isNullOrUndefined'] = (value: unknown) => value === null || value === undefined;
  // libtensorflow logs its CPU features to stderr otherwise.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const reasons: string[] = [];
  for (const name of nativePackages) {
    try {
      const folder = dirname(require.resolve(`${name}/package.json`));
      if (!hasBinding(folder)) throw new Error('installed without its native binding');
      require(name);
      return;
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error).split('\n')[0]}`);
    }
  }
  throw new Error(reasons.join(', '));
}

function hasBinding(packageFolder: string): boolean {
  const library = join(packageFolder, 'lib');
  if (!existsSync(library)) return false;
  return readdirSync(library).some((abi) => existsSync(join(library, abi, 'tfjs_binding.node')));
}
