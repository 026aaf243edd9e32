import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import type * as tensorflow from '@tensorflow/tfjs-core';
import { messageOf, StarlingError } from '../../core/base/errors.js';
import { EagerBinding } from './eager-binding.js';

const require = createRequire(import.meta.url);
const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

interface KernelBackendModule {
  readonly NodeJSKernelBackend: new (
    binding: EagerBinding,
    packageName: string,
  ) => tensorflow.KernelBackend;
}

/**
 * Makes the kernels of @tensorflow/tfjs-node(-gpu) the backend `tensorflow` of TensorFlow.js, over a library instead of their own
 * binding, which they would download or compile. Without effect where the backend is there already.
 *
 * @throws StarlingError TENSORFLOW_MISSING where no such package is installed.
 */
export function registerTfjsNode(library: string): void {
  const tf = require('@tensorflow/tfjs-core') as typeof tensorflow;
  if (tf.findBackendFactory('tensorflow')) return;
  // Still called by tfjs-node 4.22. Removed in Node 23; that of Node 22 warns.
  const legacy = util as unknown as Record<string, unknown>;
  legacy['isNullOrUndefined'] = (value: unknown) => value === null || value === undefined;
  const { name, dist } = installed();
  const { NodeJSKernelBackend } = require(
    join(dist, 'nodejs_kernel_backend.js'),
  ) as KernelBackendModule;
  require(join(dist, 'register_all_kernels.js'));
  const binding = new EagerBinding(library);
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, name));
}

function installed(): { name: string; dist: string } {
  const reasons: string[] = [];
  for (const name of packages) {
    try {
      return { name, dist: join(dirname(require.resolve(`${name}/package.json`)), 'dist') };
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error).split('\n')[0]}`);
    }
  }
  throw new StarlingError(
    'TENSORFLOW_MISSING',
    `the kernels of tfjs-node are not installed (${reasons.join('; ')}): npm install --save-optional --ignore-scripts @tensorflow/tfjs-node-gpu`,
    { reasons },
  );
}
