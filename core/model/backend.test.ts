import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../base/errors.js';
import { loadBackend } from './backend.js';
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
});
