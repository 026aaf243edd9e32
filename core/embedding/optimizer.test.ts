import { describe, expect, test } from '@jest/globals';
import { createOptimizer } from './optimizer.js';

describe('optimizers', () => {
  test('adagrad follows the formula in double precision over many steps', () => {
    const dim = 5;
    const [learningRate, epsilon, initialAccumulator] = [0.05, 1e-8, 0.1];
    const optimizer = createOptimizer({
      kind: 'adagrad',
      learningRate,
      epsilon,
      initialAccumulator,
    });
    expect(optimizer.stateWidth(dim)).toBe(dim);
    const page = new Float32Array(30).fill(7);
    const offset = 10;
    const weights = [0, 0.5, -0.5, 1, 2];
    page.set(weights, offset);
    optimizer.initState(page, offset, dim);
    const accumulators = new Array<number>(dim).fill(initialAccumulator);
    for (let step = 0; step < 200; step++) {
      const gradients = weights.map((_, d) => Math.fround(Math.sin(step * 3 + d)));
      optimizer.apply(page, offset, dim, Float32Array.from([9, ...gradients]), 1);
      for (let d = 0; d < dim; d++) {
        accumulators[d]! += gradients[d]! ** 2;
        weights[d]! -= (learningRate * gradients[d]!) / Math.sqrt(accumulators[d]! + epsilon);
      }
    }
    for (let d = 0; d < dim; d++) {
      expect(page[offset + d]).toBeCloseTo(weights[d]!, 5);
      expect(page[offset + dim + d]! / accumulators[d]!).toBeCloseTo(1, 5);
    }
    expect([...page.subarray(0, offset), ...page.subarray(offset + 2 * dim)]).toEqual(
      new Array(20).fill(7),
    );
  });

  test('a zero gradient on a fresh row changes nothing', () => {
    const page = new Float32Array([1, 0]);
    createOptimizer({ kind: 'adagrad', learningRate: 0.1 }).apply(
      page,
      0,
      1,
      new Float32Array(1),
      0,
    );
    expect([...page]).toEqual([1, 0]);
  });

  test('sgd has no state, and gradients are clipped to both sides', () => {
    const optimizer = createOptimizer({ kind: 'sgd', learningRate: 0.5, clip: 1 });
    expect(optimizer.stateWidth(3)).toBe(0);
    const page = new Float32Array([1, 1, 1]);
    optimizer.apply(page, 0, 3, new Float32Array([10, -10, 0.5]), 0);
    expect([...page]).toEqual([0.5, 1.5, 0.75]);
  });

  test('adagrad accumulates the clipped gradient', () => {
    const page = new Float32Array([0, 0]);
    createOptimizer({ kind: 'adagrad', learningRate: 1, clip: 2 }).apply(
      page,
      0,
      1,
      new Float32Array([100]),
      0,
    );
    expect(page[1]).toBe(4);
    expect(page[0]).toBeCloseTo(-1, 6);
  });

  test.each([
    { kind: 'sgd', learningRate: 0 },
    { kind: 'sgd', learningRate: NaN },
    { kind: 'sgd', learningRate: 1, clip: -1 },
    { kind: 'adagrad', learningRate: 1, epsilon: 0 },
    { kind: 'adagrad', learningRate: 1, initialAccumulator: -1 },
  ] as const)('refuses %j', (spec) => {
    expect(() => createOptimizer(spec)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
