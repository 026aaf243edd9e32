import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../base/errors.js';
import { loadBackend, loadBackendFor } from './backend.js';
import { blockCases, networkOf } from './executors.testkit.js';
import { graphOf } from './graph.js';
import type { ModelSpec } from './network.js';
import { loadTf } from './tfjs/load-tf.js';

describe('backend', () => {
  test.each(['wasm', 'cpu'] as const)('%s multiplies matrices', async (name) => {
    expect((await loadBackend(name)).name).toBe(name);
    const tf = await loadTf(name);
    expect(tf.getBackend()).toBe(name);
    const product = tf.tidy(() => [
      ...tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync(),
    ]);
    expect(product).toEqual([11]);
  });

  test('auto takes the fastest that loads, and loading again gives the same', async () => {
    const first = await loadBackend('auto');
    const second = await loadBackend('auto');
    expect(first.name).toBe('kernels');
    expect(second.name).toBe(first.name);
  });

  test('the native one, asked for by name, loads or says why not', async () => {
    try {
      expect((await loadBackend('tensorflow')).name).toBe('tensorflow');
    } catch (error) {
      expect(codeOf(error)).toBe('CONFIG_INVALID');
      expect(String(error)).toContain('use "auto"');
    }
  });

  test('auto takes kernels whatever blocks a network has', async () => {
    for (const block of Object.values(blockCases)) {
      const graph = graphOf(spec, networkOf(block));
      expect((await loadBackendFor('auto', graph)).name).toBe('kernels');
    }
  });

  test('nothing of TensorFlow.js is loaded where kernels do', () => {
    const url = new URL('./backend.js', import.meta.url).href;
    const script = `
      import Module from 'node:module';
      const { loadBackend } = await import('${url}');
      const { name } = await loadBackend('auto');
      const loaded = Object.keys(Module._cache).filter((file) => file.includes('@tensorflow'));
      console.log(name, loaded.length);`;
    const options = ['--input-type=module', '--eval', script];
    expect(execFileSync(process.execPath, options, { encoding: 'utf8' }).trim()).toBe('kernels 0');
  });
});

const spec: ModelSpec = {
  ...{ network: 'deepfm', slotCount: 3, factorDim: 4, denseCount: 0, hidden: [4], heads: 1 },
};
