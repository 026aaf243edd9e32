import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { mix32 } from '../../base/hash.js';
import { createOptimizer } from './create-optimizer.js';
import type { OptimizerSpec } from './optimizer.js';
import { references } from './optimizers.testkit.js';

const dim = 8;
const stepCount = 1_000;

/** Deterministic, roughly normal, with coordinates of different size and now and then a zero. */
function gradientAt(step: number): Float32Array {
  return Float32Array.from({ length: dim }, (_unused, d) => {
    const draw = (n: number) => mix32((step * 64 + d * 4 + n) ^ 0x51ed270b) / 2 ** 32;
    if (draw(3) < 0.05) return 0;
    return (draw(0) + draw(1) + draw(2) - 1.5) * 10 ** ((d % 4) - 2);
  });
}

const startWeights = Float32Array.from({ length: dim }, (_unused, d) => 0.3 * Math.sin(d + 1));

function learned(spec: OptimizerSpec, steps = stepCount): Float32Array {
  const optimizer = createOptimizer(spec);
  const rowWidth = dim + optimizer.stateWidth(dim);
  const page = new Float32Array(3 * rowWidth);
  page.set(startWeights, rowWidth);
  optimizer.initState(page, rowWidth, dim);
  const memory = { pages: [page], pageShift: 4, pageMask: 15, rowWidth };
  for (let step = 0; step < steps; step++)
    optimizer.applyRows(memory, Int32Array.of(1), 1, dim, gradientAt(step), 0, step);
  const untouched = [...page.subarray(0, rowWidth), ...page.subarray(2 * rowWidth)];
  expect(untouched.every((value) => value === 0)).toBe(true);
  return page.slice(rowWidth, rowWidth + dim);
}

/** Largest error of a coordinate, relative to the coordinate or to the row's size, whichever is more. */
function relativeError(found: ArrayLike<number>, expected: readonly number[]): number {
  const rms = Math.sqrt(expected.reduce((sum, w) => sum + w * w, 0) / expected.length);
  return Math.max(
    ...expected.map((w, d) => Math.abs(found[d]! - w) / Math.max(Math.abs(w), rms, 1e-30)),
  );
}

const specs: readonly OptimizerSpec[] = [
  { kind: 'sgd', learningRate: 0.05 },
  { kind: 'momentum', learningRate: 0.02, momentum: 0.9 },
  { kind: 'momentum', learningRate: 0.02, momentum: 0.8, nesterov: true },
  { kind: 'adagrad', learningRate: 0.05, initialAccumulator: 0.1 },
  { kind: 'adagrad', learningRate: 0.05, firstOrderRate: 0.2, accumulates: 'examples' },
  { kind: 'adam', learningRate: 0.01 },
  { kind: 'adam', learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-4 },
  { kind: 'amsgrad', learningRate: 0.01 },
  { kind: 'rmsprop', learningRate: 0.01, epsilon: 1e-6 },
  { kind: 'rmsprop', learningRate: 0.01, momentum: 0.7, epsilon: 1e-6 },
  { kind: 'adadelta', learningRate: 1 },
  { kind: 'ftrl', learningRate: 0.1, l1: 0.05, l2: 0.01 },
  { kind: 'group-ftrl', learningRate: 0.1, l1: 0.02, l2: 0.01, groupLasso: 0.01 },
  { kind: 'group-adagrad', learningRate: 0.05, beta: 0.1, groupLasso: 1e-4 },
];

describe('over 1,000 steps, against the published formula in double precision', () => {
  test.each(specs)('%j is within 1e-5', (spec) => {
    const reference = references[spec.kind](spec, [...startWeights]);
    for (let step = 0; step < stepCount; step++) reference.step([...gradientAt(step)]);
    expect(relativeError(learned(spec), reference.weights)).toBeLessThan(1e-5);
  });
});

describe('over 1,000 steps, against the optimizer of TensorFlow.js', () => {
  beforeAll(async () => {
    tf.enableProdMode(); // Keeps it from advertising a faster backend.
    await tf.setBackend('cpu');
  });

  // Not Adadelta: TensorFlow.js divides by the squared gradients before this one, which is not Zeiler's rule.
  const theirs: readonly [OptimizerSpec, () => tf.Optimizer][] = [
    [{ kind: 'sgd', learningRate: 0.05 }, () => tf.train.sgd(0.05)],
    [{ kind: 'momentum', learningRate: 0.02 }, () => tf.train.momentum(0.02, 0.9)],
    [
      { kind: 'adagrad', learningRate: 0.05, initialAccumulator: 0.1, epsilon: 1e-7 },
      () => tf.train.adagrad(0.05, 0.1),
    ],
    [
      { kind: 'adam', learningRate: 0.01, epsilon: 1e-7 },
      () => tf.train.adam(0.01, 0.9, 0.999, 1e-7),
    ],
    [
      { kind: 'rmsprop', learningRate: 0.01, rho: 0.9, momentum: 0.5, epsilon: 1e-6 },
      () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-6),
    ],
  ];

  test.each(theirs)('%j is within 1e-5', (spec, create) => {
    const weights = tf.variable(tf.tensor1d(startWeights), true, `w${Math.random()}`);
    const optimizer = create();
    for (let step = 0; step < stepCount; step++) {
      const gradient = tf.tensor1d(gradientAt(step));
      optimizer.applyGradients({ [weights.name]: gradient });
      gradient.dispose();
    }
    expect(relativeError(learned(spec), [...weights.dataSync()])).toBeLessThan(1e-5);
    optimizer.dispose();
    weights.dispose();
  });
});

describe('a block', () => {
  test.each(specs)('of %j learns as its rows do one by one', (spec) => {
    const clipped = { ...spec, clip: 0.5, clipNorm: 0.7, weightDecay: 0.01 };
    const optimizer = createOptimizer(clipped);
    const rowWidth = dim + optimizer.stateWidth(dim);
    const rows = Int32Array.of(3, 0, 5);
    const grads = Float32Array.from({ length: 3 * dim + 3 }, (_unused, i) => Math.sin(i * 7));
    const memories = [0, 1].map(() => {
      // Pages of four rows, so that the block spans two.
      const pages = [new Float32Array(4 * rowWidth), new Float32Array(4 * rowWidth)];
      for (let row = 0; row < 8; row++) {
        const page = pages[row >> 2]!;
        page.set(startWeights, (row & 3) * rowWidth);
        optimizer.initState(page, (row & 3) * rowWidth, dim);
      }
      return { pages, pageShift: 2, pageMask: 3, rowWidth };
    });
    optimizer.applyRows(memories[0]!, rows, 3, dim, grads, 3, 9);
    for (let i = 0; i < 3; i++)
      optimizer.applyRows(memories[1]!, rows.subarray(i), 1, dim, grads, 3 + i * dim, 9);
    expect(memories[0]!.pages).toEqual(memories[1]!.pages);
  });

  test('gives a row that is named twice both of its steps', () => {
    const optimizer = createOptimizer({ kind: 'sgd', learningRate: 1 });
    const page = Float32Array.of(0);
    const memory = { pages: [page], pageShift: 0, pageMask: 0, rowWidth: 1 };
    optimizer.applyRows(memory, Int32Array.of(0, 0), 2, 1, Float32Array.of(1, 2), 0, 0);
    expect(page[0]).toBe(-3);
  });

  test('leaves the gradients of the caller alone', () => {
    const optimizer = createOptimizer({ kind: 'sgd', learningRate: 1, clip: 0.1 });
    const memory = { pages: [new Float32Array(1)], pageShift: 0, pageMask: 0, rowWidth: 1 };
    const grads = Float32Array.of(5);
    optimizer.applyRows(memory, Int32Array.of(0), 1, 1, grads, 0, 0);
    expect(grads[0]).toBe(5);
    expect(memory.pages[0]![0]).toBeCloseTo(-0.1, 6);
  });
});

test('a row of which many examples say the same goes on as if each had been a step', () => {
  const page = (spec: OptimizerSpec): [Float32Array, ReturnType<typeof createOptimizer>] => {
    const optimizer = createOptimizer(spec);
    return [new Float32Array(1 + optimizer.stateWidth(1)), optimizer];
  };
  const memoryOf = (row: Float32Array) => {
    return { pages: [row], pageShift: 0, pageMask: 0, rowWidth: row.length };
  };
  const rows = Int32Array.of(0);
  const [one, counting] = page({ kind: 'adagrad', learningRate: 0.1, accumulates: 'examples' });
  const [two, summing] = page({ kind: 'adagrad', learningRate: 0.1 });
  // Sixteen examples of gradient 0.5: in all 8, of squares 4 and not 64.
  for (const [row, optimizer] of [
    [one, counting],
    [two, summing],
  ] as const)
    optimizer.applyRows(memoryOf(row), rows, 1, 1, Float32Array.of(8), 0, 0, Float32Array.of(4));
  expect([...one]).toEqual([Math.fround(-0.4), 4]);
  expect([...two]).toEqual([Math.fround(-0.1), 64]);
  // Of more that agree, no more count: else one batch of a thousand throws a row far.
  const many = new Float32Array(2);
  counting.applyRows(memoryOf(many), rows, 1, 1, Float32Array.of(64), 0, 0, Float32Array.of(4));
  expect([...many]).toEqual([Math.fround(-0.4), 256]);
});

describe('a zero gradient', () => {
  test.each(['sgd', 'adagrad', 'adam', 'rmsprop', 'adadelta', 'group-adagrad'] as const)(
    'changes no weight of a young row under %s',
    (kind) => {
      const optimizer = createOptimizer({ kind, learningRate: 0.1 });
      const page = new Float32Array(1 + optimizer.stateWidth(1));
      page[0] = 1;
      optimizer.initState(page, 0, 1);
      const memory = { pages: [page], pageShift: 0, pageMask: 0, rowWidth: page.length };
      optimizer.applyRows(memory, Int32Array.of(0), 1, 1, Float32Array.of(0), 0, 0);
      expect(page[0]).toBe(1);
    },
  );
});

describe('clipping and weight decay', () => {
  function oneStep(spec: OptimizerSpec, weights: number[], gradients: number[]): number[] {
    const optimizer = createOptimizer(spec);
    const n = weights.length;
    const page = new Float32Array(n + optimizer.stateWidth(n));
    page.set(weights);
    optimizer.initState(page, 0, n);
    const memory = { pages: [page], pageShift: 0, pageMask: 0, rowWidth: page.length };
    const grads = Float32Array.from(gradients);
    optimizer.applyRows(memory, Int32Array.of(0), 1, n, grads, 0, 0);
    return [...page.subarray(0, n)];
  }

  test('clip cuts each coordinate, clipNorm keeps the direction', () => {
    expect(oneStep({ kind: 'sgd', learningRate: 1, clip: 1 }, [0, 0, 0], [10, -10, 0.5])).toEqual([
      -1, 1, -0.5,
    ]);
    const [a, b] = oneStep({ kind: 'sgd', learningRate: 1, clipNorm: 1 }, [0, 0], [3, 4]);
    expect(a).toBeCloseTo(-0.6, 6);
    expect(b).toBeCloseTo(-0.8, 6);
    expect(oneStep({ kind: 'sgd', learningRate: 1, clipNorm: 10 }, [0, 0], [3, 4])).toEqual([
      -3, -4,
    ]);
  });

  test('decoupled decay does not enter the accumulator, l2 does', () => {
    const common = { kind: 'adagrad', learningRate: 0.5, weightDecay: 0.125 } as const;
    // The first Adagrad step from G = 0 is η·sign(g), whatever the size of the gradient.
    const [decoupled] = oneStep(common, [2], [1]);
    expect(decoupled).toBeCloseTo(2 - 0.5 * 0.125 * 2 - 0.5, 6);
    const [coupled] = oneStep({ ...common, weightDecayKind: 'l2' }, [2], [-0.25]);
    expect(coupled).toBe(2);
  });
});

describe('rules that select', () => {
  test('l1 makes single coordinates exactly zero, the group lasso whole rows', () => {
    const small = learned({ kind: 'ftrl', learningRate: 0.1, l1: 2 });
    expect(small.some((w) => w === 0)).toBe(true);
    expect(small.some((w) => w !== 0)).toBe(true);
    const gone = learned({ kind: 'group-ftrl', learningRate: 0.1, groupLasso: 1e3 });
    expect([...gone].every((w) => w === 0)).toBe(true);
    const shrunk = learned({ kind: 'group-adagrad', learningRate: 0.1, groupLasso: 100 });
    expect([...shrunk].every((w) => w === 0)).toBe(true);
  });
});

test.each([
  [{ kind: 'sgd', learningRate: 0 }, 'learningRate'],
  [{ kind: 'sgd', learningRate: NaN }, 'learningRate'],
  [{ kind: 'sgd', learningRate: 1, clip: -1 }, 'clip'],
  [{ kind: 'sgd', learningRate: 1, clipNorm: 0 }, 'clipNorm'],
  [{ kind: 'sgd', learningRate: 1, weightDecay: -1 }, 'weightDecay'],
  [{ kind: 'momentum', learningRate: 1, momentum: 1 }, 'momentum'],
  [{ kind: 'adagrad', learningRate: 1, epsilon: 0 }, 'epsilon'],
  [{ kind: 'adagrad', learningRate: 1, firstOrderRate: 0 }, 'firstOrderRate'],
  [{ kind: 'adagrad', learningRate: 1, initialAccumulator: -1 }, 'initialAccumulator'],
  [{ kind: 'adam', learningRate: 1, beta2: 1 }, 'beta2'],
  [{ kind: 'ftrl', learningRate: 1, l1: -1 }, 'l1'],
  [{ kind: 'sgd', learningRate: 1, schedule: { warmUpSteps: -1 } }, 'schedule.warmUpSteps'],
  [
    { kind: 'sgd', learningRate: 1, schedule: { decay: { kind: 'cosine', steps: 0 } } },
    'schedule.decay.steps',
  ],
] as const)('%j is refused by the name of its field', (spec, field) => {
  expect(() => createOptimizer(spec)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { field } }),
  );
});
