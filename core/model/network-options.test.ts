import { describe, expect, test } from '@jest/globals';
import { adamStep, createAdamState } from './adam.js';
import { initialDense } from './dense-parameters.js';
import { dropoutColumns } from './dropout.js';
import { expectSameStep, expectSlope } from './executors.expectations.testkit.js';
import { numbersOf, randomRows } from './executors.testkit.js';
import { graphOf } from './graph.js';
import { kernelExecutor } from './kernels/kernel-executor.js';
import { networkNames, type ModelSpec } from './network.js';
import { createScorer } from './scorer.js';
import { loadTf } from './tfjs/load-tf.js';
import { tfExecutor } from './tfjs/tf-executor.js';
import { createRowStep } from './training-step.js';

const executor = kernelExecutor('simd');
const backend = { name: 'kernels', executor, detail: '' } as const;
const base: ModelSpec = {
  ...{ network: 'deepfm', slotCount: 3, factorDim: 5, denseCount: 2, hidden: [8, 6], heads: 2 },
  losses: ['cross-entropy', 'squared'],
};

describe('options of networks', () => {
  /** Of the release before there were any. */
  test.each([
    ['dcn-v2', 0.8719894559804483],
    ['deepfm', 1.3147867279393333],
    ['dlrm', 0.554986739225985],
    ['fm', 1.5321933345403522],
    ['wide-and-deep', 0.5269948550213095],
  ] as const)(
    'that are left out change no bit of what %s loses after 40 steps',
    (network, wanted) => {
      const spec: ModelSpec = { ...base, network };
      const parameters = initialDense(spec, 3);
      const state = createAdamState(parameters.length);
      const step = createRowStep(backend, spec);
      const losses = Array.from({ length: 40 }, (_, i) => {
        const { loss, denseGradient } = step(randomRows(spec, 20, i + 1), parameters);
        adamStep(parameters, denseGradient, state);
        return loss;
      });
      expect(losses.at(-1)).toBe(wanted);
    },
  );

  test.each(networkNames)(
    '%s with normalised layers and dropout has the step of TensorFlow.js',
    async (network) => {
      const tfjs = tfExecutor(await loadTf('cpu'));
      const spec: ModelSpec = { ...base, network, layerNorm: true, dropout: 0.3 };
      const graph = graphOf(spec, undefined, 'training');
      for (const rowCount of [9, 140])
        expectSameStep([executor, tfjs], graph, randomRows(spec, rowCount, rowCount), 3);
    },
  );

  test.each(networkNames)(
    '%s with mixed experts has the step of TensorFlow.js',
    async (network) => {
      const tfjs = tfExecutor(await loadTf('cpu'));
      const spec: ModelSpec = { ...base, network, experts: 3 };
      const graph = graphOf(spec, undefined, 'training');
      expectSameStep([executor, tfjs], graph, randomRows(spec, 140, 2), 3);
      expectSlope(executor, graph, randomRows(spec, 20, 3), 5);
    },
  );

  test('dropout leaves out other units in each step, the same ones when it comes again, and none where it is scored', () => {
    const spec: ModelSpec = { ...base, dropout: 0.5 };
    const parameters = numbersOf(graphOf(spec).layout.size, 4);
    const batch = randomRows(spec, 30, 1);
    const step = createRowStep(backend, spec);
    const first = step(batch, parameters);
    step(randomRows(spec, 12, 2), parameters);
    expect(step(batch, parameters)).toEqual(first);
    const moved = parameters.map((value, i) => (i === 0 ? value + 1e-6 : value));
    const difference = step(batch, moved).logits.map((logit, i) => logit - first.logits[i]!);
    expect(Math.max(...difference.map(Math.abs))).toBeGreaterThan(0.01);
    const [dropped, whole] = [spec, base].map((each) =>
      createScorer(backend, each).scoreRows(batch, { version: 1, values: parameters }),
    );
    expect(dropped).toEqual(whole);
  });

  test('dropout keeps the mean of what it leaves', () => {
    const factors = dropoutColumns({ columns: 50, index: 0 }, { dropout: 0.2 }, 400, 7);
    const zeros = factors.filter((factor) => factor === 0).length / factors.length;
    expect(Math.abs(zeros - 0.2)).toBeLessThan(0.01);
    expect(new Set(factors)).toEqual(new Set([0, 1.25]));
    const ofOthers = dropoutColumns({ columns: 50, index: 1 }, { dropout: 0.2 }, 400, 7);
    expect(ofOthers).not.toEqual(factors);
  });

  test('smoothing moves labels of chances towards a half, and those of values not at all', () => {
    const smoothed: ModelSpec = { ...base, labelSmoothing: 0.2 };
    const parameters = numbersOf(graphOf(base).layout.size, 4);
    const batch = randomRows(base, 30, 1);
    const labels = batch.labels.map((label, i) => (i % 2 ? label : label * 0.8 + 0.1));
    const wanted = createRowStep(backend, base)({ ...batch, labels }, parameters);
    expect(createRowStep(backend, smoothed)(batch, parameters)).toEqual(wanted);
  });

  test('layers that are normalised or mixed are no sum of two sides, and fm has none', () => {
    const sides = { before: 1, behind: 0, denseBefore: 0, denseBehind: 0, pairs: 0 };
    const isSplit = (change: Partial<ModelSpec>): boolean =>
      executor.split!({ ...base, ...change }, sides) !== undefined;
    expect(isSplit({})).toBe(true);
    expect(isSplit({ layerNorm: true })).toBe(false);
    expect(isSplit({ experts: 2 })).toBe(false);
    expect(isSplit({ network: 'fm', layerNorm: true })).toBe(true);
  });
});
