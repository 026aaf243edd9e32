import { beforeAll, describe, expect, test } from '@jest/globals';
import { adamStep, createAdamState } from '../../core/model/adam.js';
import { loadBackend, type Backend } from '../../core/model/backend.js';
import { initialDense } from '../../core/model/dense-parameters.js';
import type { Blocks } from '../../core/model/blocks.js';
import type { Executor, Labels } from '../../core/model/executor.js';
import {
  blockCases,
  networkOf,
  numbersOf,
  randomRows,
} from '../../core/model/executors.testkit.js';
import { graphOf, type Node } from '../../core/model/graph.js';
import {
  networkNames,
  rowWidth,
  type ModelSpec,
  type NetworkInputs,
} from '../../core/model/network.js';
import { createScorer } from '../../core/model/scorer.js';
import { tensorExecutor } from '../../core/model/tensorflow/tensor-executor.js';
import {
  createRowStep,
  createTrainingStep,
  type LabelledBatch,
} from '../../core/model/training-step.js';
import { findLibrary } from './library.js';
import { openTensorRuntime } from './tensor-runtime.js';

const library = findLibrary();
const withLibrary = library ? describe : describe.skip;
const reason = library
  ? ''
  : ' (skipped: there is no libtensorflow here; `starling setup-tensorflow` brings one)';

/** 1e-5, and of what is nearly 0 a millionth. */
function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    expect(difference).toBeLessThanOrEqual(2e-5 * Math.abs(expected[i]!) + 2e-6);
  }
}

const specOf = (overrides: Partial<ModelSpec> = {}): ModelSpec => ({
  ...{ network: 'deepfm', slotCount: 3, factorDim: 4, denseCount: 2, hidden: [6, 5], heads: 1 },
  ...overrides,
});

const models: [string, Partial<ModelSpec>][] = [
  ['one head', {}],
  ['several heads', { heads: 3 }],
  ['chances and a value', { heads: 3, losses: ['cross-entropy', 'squared', 'cross-entropy'] }],
  ['no dense features', { denseCount: 0, hidden: [4] }],
  ['a scaled number', { scaled: [{ at: 1 }] }],
  [
    'vectors beside numbers',
    {
      denseCount: 8,
      vectors: [
        { at: 1, width: 3 },
        { at: 4, width: 2 },
      ],
    },
  ],
  ['vectors alone', { denseCount: 3, vectors: [{ at: 0, width: 3 }], heads: 2 }],
];

const wave = (length: number, phase: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + phase) * 0.9);

function labelsOf({ heads, losses }: ModelSpec, rowCount: number): Labels {
  const length = rowCount * heads;
  return {
    labels: Float32Array.from({ length }, (_, i) =>
      losses?.[i % heads] === 'squared' ? (i % 7) / 2 : i % 3 === 0 ? 1 : 0,
    ),
    weights: Float32Array.from({ length }, (_, i) => (heads > 1 && i % 5 === 4 ? 0 : 1 + (i % 2))),
  };
}

function batchOf(spec: ModelSpec, rowCount: number, phase = 0): LabelledBatch {
  return {
    rowCount,
    pooled: wave(rowCount * spec.slotCount * rowWidth(spec), 1 + phase),
    dense: wave(rowCount * spec.denseCount, 2 + phase),
    ...labelsOf(spec, rowCount),
  };
}

withLibrary(`networks by libtensorflow${reason}`, () => {
  let wasm: Backend;
  let native: Backend;
  let reference: Executor;
  beforeAll(async () => {
    wasm = await loadBackend('wasm');
    native = { name: 'tensorflow', executor: tensorExecutor(openTensorRuntime(library!.path)) };
    reference = wasm.executor;
  });

  describe.each(networkNames)('%s', (network) => {
    test.each(models)('has the step and the scores of TensorFlow.js: %s', (_name, change) => {
      const spec = specOf({ ...change, network });
      const batch = batchOf(spec, 7);
      const values = initialDense(spec, 5);
      const [expected, actual] = [wasm, native].map((each) =>
        createTrainingStep(each, spec)(batch, values),
      );
      expectNear([actual!.loss], [expected!.loss]);
      expectNear(actual!.logits, expected!.logits);
      expectNear(actual!.pooledGradient, expected!.pooledGradient);
      expectNear(actual!.denseGradient, expected!.denseGradient);
      const scorer = createScorer(native, spec);
      expectNear(scorer.score(batch, { version: 1, values }), expected!.logits);
      scorer.dispose();
    });

    test('has the losses of TensorFlow.js over 300 steps', () => {
      const spec = specOf({
        network,
        slotCount: 5,
        factorDim: 16,
        denseCount: 4,
        hidden: [64, 32],
      });
      const learners = [wasm, native].map((backend) => {
        const values = initialDense(spec, 3);
        return {
          step: createTrainingStep(backend, spec),
          values,
          adam: createAdamState(values.length),
          batches: Array.from({ length: 8 }, (_, i) => batchOf(spec, 256, i)),
        };
      });
      // What rounding leaves between two ways doubles every ten steps in a product of two towers: there both go the first one's way.
      const isOneWay = network === 'two-tower';
      const runs: [number[], number[]] = [[], []];
      for (let i = 0; i < 300; i++) {
        const results = learners.map(({ step }, which) => {
          const { batches, values } = learners[isOneWay ? 0 : which]!;
          const result = step(batches[i % batches.length]!, values);
          runs[which]!.push(result.loss);
          return { ...result, pooledGradient: result.pooledGradient.slice() };
        });
        results.forEach(({ denseGradient, pooledGradient }, which) => {
          if (isOneWay && which > 0) return;
          const { batches, values, adam } = learners[which]!;
          const { pooled } = batches[i % batches.length]!;
          adamStep(values, denseGradient, adam);
          pooledGradient.forEach((gradient, cell) => (pooled[cell]! -= 0.02 * gradient));
        });
      }
      // What is learned by heart has hardly a loss any more, and none of its digits says anything.
      const least = 0.01 * runs[0][0]!;
      const worst = runs[0].reduce((most, loss, i) => {
        return Math.max(most, Math.abs(runs[1][i]! - loss) / Math.max(loss, least));
      }, 0);
      expect(worst).toBeLessThanOrEqual(1e-5);
      expect(runs[1].at(-1)!).toBeLessThan(runs[1][0]! * 0.9);
    });
  });

  test('has the same from rows as they were pulled', () => {
    const spec = specOf();
    const batch = randomRows(spec, 9, 3);
    const values = initialDense(spec, 5);
    const [expected, actual] = [wasm, native].map((each) =>
      createRowStep(each, spec)(batch, values),
    );
    expectNear(actual!.logits, expected!.logits);
    expectNear(actual!.rowGradient, expected!.rowGradient);
    expectNear(actual!.denseGradient, expected!.denseGradient);
  });

  const cases = {
    ...blockCases,
    'attention of two heads': {
      ...blockCases.attention,
      value: (blocks: Blocks, { occurrences }: NetworkInputs) => {
        const x = occurrences(0);
        return blocks.pool(blocks.attention(x, blocks.sigmoid(x), x, 2), 'mean');
      },
    },
  };
  test.each(Object.entries(cases))('has the block %s', (_name, blockCase) => {
    for (const [i, rowCount] of [1, 9, 130].entries()) {
      const spec = specOf({ network: 'mlp', factorDim: 3, denseCount: 0, heads: 2 });
      const network = graphOf(spec, networkOf(blockCase));
      const batch = randomRows(spec, rowCount, i);
      const values = numbersOf(network.layout.size, i + 9).map((value) => value / 2);
      expect(native.executor.missing(network)).toEqual([]);
      const [expected, actual] = [reference, native.executor].map((each) =>
        each.trainer(network).rows(batch, values, true),
      );
      expectNear(actual!.logits, expected!.logits);
      expectNear(actual!.rowGradient, expected!.rowGradient);
      expectNear(actual!.rowSquares!, expected!.rowSquares!);
      expectNear(actual!.denseGradient, expected!.denseGradient);
      const scored = native.executor.scorer(network).rows(batch, { version: 1, values });
      expectNear(scored, expected!.logits);
    }
  });

  test.each(['din', 'transformer'] as const)('looks at histories (%s)', (network) => {
    const history = { slot: 0, of: 1, length: 9, events: ['view', 'buy'], ages: true };
    const histories = [{ name: 'recent', ...history }];
    const graph = graphOf(specOf({ network, factorDim: 4, denseCount: 0, histories }));
    const batch = randomRows(graph.spec, 30, 3, 9);
    const values = numbersOf(graph.layout.size, 4).map((value) => value / 2);
    const [expected, actual] = [reference, native.executor].map((each) =>
      each.trainer(graph).rows(batch, values, true),
    );
    expectNear(actual!.logits, expected!.logits);
    expectNear(actual!.rowGradient, expected!.rowGradient);
    expectNear(actual!.denseGradient, expected!.denseGradient);
  });

  test('says which blocks it lacks', () => {
    const graph = graphOf(specOf());
    const unknown = { ...graph.nodes.at(-1)!, block: 'telepathy' } as unknown as Node;
    const missing = native.executor.missing({ ...graph, nodes: [...graph.nodes, unknown] });
    expect(missing).toEqual(['telepathy']);
  });

  test('follows batches of other sizes and versions of parameters, and changes neither', () => {
    const spec = specOf();
    const scorer = createScorer(native, spec);
    const others = createScorer(wasm, spec);
    const step = createTrainingStep(native, spec);
    for (const [version, rowCount] of [4, 1, 9, 4].entries()) {
      const batch = batchOf(spec, rowCount);
      const values = initialDense(spec, version);
      const before = [batch.pooled.slice(), values.slice()];
      const scores = scorer.score(batch, { version, values });
      expectNear(scores, others.score(batch, { version, values }));
      expectNear(step(batch, values).logits, scores);
      expect([batch.pooled, values]).toEqual(before);
    }
    scorer.dispose();
    scorer.dispose();
  });

  test('stays finite where the prediction is certain and wrong', () => {
    const spec = specOf({ network: 'fm', denseCount: 0 });
    const batch = { ...batchOf(spec, 2), labels: Float32Array.of(0, 1) };
    batch.pooled.fill(0);
    batch.pooled[0] = 500;
    batch.pooled[15] = -500;
    const result = createTrainingStep(native, spec)(batch, initialDense(spec, 1));
    expect(result.loss).toBeCloseTo(500, 3);
    expect(result.pooledGradient.every(Number.isFinite)).toBe(true);
  });

  test('an operation that does not fit is an error with what the library says', () => {
    const graph = openTensorRuntime(library!.path).createGraph();
    const [a, b] = [graph.placeholder([2, 3]), graph.placeholder([2, 3])];
    expect(() => graph.operation('MatMul', a, b)).toThrow('MatMul');
    expect(() => graph.operation('NoSuchOperation', a)).toThrow('NoSuchOperation');
  });
});
