import { describe, expect, test } from '@jest/globals';
import { denseLayout, initialDense } from './dense-parameters.js';
import { networkNames, type ModelSpec } from './network.js';

const spec: ModelSpec = {
  network: 'deepfm',
  slotCount: 3,
  factorDim: 4,
  denseCount: 2,
  hidden: [8, 5],
  heads: 1,
};

describe('dense layout', () => {
  test('names every parameter, one after another without gaps', () => {
    const layout = denseLayout(spec);
    expect(layout.entries.map(({ name, shape, offset }) => [name, shape, offset])).toEqual([
      ['bias', [1], 0],
      ['linear', [2, 1], 1],
      ['hidden0.kernel', [14, 8], 3],
      ['hidden0.bias', [8], 115],
      ['hidden1.kernel', [8, 5], 123],
      ['hidden1.bias', [5], 163],
      ['output.kernel', [5, 1], 168],
    ]);
    expect(layout.size).toBe(173);
  });

  test('of a factorisation machine without dense features is its bias', () => {
    expect(denseLayout({ ...spec, network: 'fm', denseCount: 0 }).size).toBe(1);
  });
});

describe('initial parameters', () => {
  test.each(networkNames)('of %s depend on the seed alone', (network) => {
    const first = initialDense({ ...spec, network }, 1);
    expect(initialDense({ ...spec, network }, 1)).toEqual(first);
    if (network !== 'fm') expect(initialDense({ ...spec, network }, 2)).not.toEqual(first);
  });

  test('start biases at zero and kernels within the Glorot limit, on both sides of zero', () => {
    const values = initialDense(spec, 3);
    for (const entry of denseLayout(spec).entries) {
      const part = values.subarray(entry.offset, entry.offset + entry.size);
      if (entry.initial === 'zeros') {
        expect(part.every((value) => value === 0)).toBe(true);
        continue;
      }
      const limit = Math.sqrt(6 / (entry.shape[0] + (entry.shape[1] ?? 1)));
      expect(part.every((value) => Math.abs(value) <= limit)).toBe(true);
      if (entry.size < 20) continue;
      expect(part.some((value) => value > limit / 2)).toBe(true);
      expect(part.some((value) => value < -limit / 2)).toBe(true);
    }
  });
});
