import { beforeAll, expect, test } from '@jest/globals';
import { loadBackend, type Backend } from './backend.js';
import type { Executor } from './executor.js';
import { checkNetwork } from './network-check.js';
import type { ModelSpec } from './network.js';

const spec: ModelSpec = {
  ...{ network: 'din', slotCount: 3, factorDim: 4, denseCount: 2, hidden: [8], heads: 2 },
  histories: [{ name: 'recent', slot: 0, of: 1, length: 5, events: ['view'], ages: true }],
  ...{ losses: ['cross-entropy', 'squared'], dropout: 0.5 },
};
let atMs = 0;
const clock = { nowMs: () => (atMs += 100) };
let kernels: Backend;
let tfjs: Backend;
beforeAll(async () => {
  kernels = await loadBackend('kernels');
  tfjs = await loadBackend('wasm');
});

/** One whose steps say something else. */
function changed(executor: Executor, change: (gradient: Float32Array) => void): Executor {
  return {
    ...executor,
    trainer: (graph) => {
      const trainer = executor.trainer(graph);
      return {
        pooled: (batch, parameters) => trainer.pooled(batch, parameters),
        rows: (batch, parameters, squares) => {
          const result = trainer.rows(batch, parameters, squares);
          change(result.denseGradient);
          return result;
        },
      };
    },
  };
}

test('a network that is right is right by all, whatever units it leaves out in a step', () => {
  const { problems, executors, parameters, blocks } = checkNetwork(spec, [kernels, tfjs], clock);
  expect(problems).toEqual([]);
  for (const figures of executors) {
    expect(figures.gradientError).toBeLessThan(0.01);
    expect(figures.lossError).toBeLessThan(1e-5);
    expect(figures.lossLast).toBeLessThan(figures.lossFirst!);
  }
  expect(parameters.filter(({ isUnused }) => isUnused)).toEqual([]);
  expect(blocks.at(-1)).toMatchObject({ block: 'add', shape: '[n, 2]' });
  expect(blocks.find(({ block }) => block === 'softmaxOccurrences')?.shape).toBe(
    '[occurrences, 1]',
  );
});

test('a gradient that is wrong has the name of its parameter', () => {
  const { parameters } = checkNetwork(spec, [kernels], clock);
  const found = parameters.findIndex(({ name }) => name === 'history.recent.unit.bias');
  const at = parameters.slice(0, found).reduce((sum, { size }) => sum + size, 0);
  const wrong = changed(kernels.executor, (gradient) => {
    for (let i = at; i < at + 16; i++) gradient[i]! *= 1.5;
  });
  const { problems } = checkNetwork(spec, [tfjs, { name: 'kernels', executor: wrong }], clock);
  expect(problems[0]).toMatch(
    /^kernels: the gradient of history\.recent\.unit\.bias is \d+ % off$/,
  );
});

test('losses that go apart are told', () => {
  const other = changed(kernels.executor, (gradient) => {
    for (let i = 0; i < gradient.length; i++) gradient[i]! *= 1.01;
  });
  const { problems } = checkNetwork(spec, [tfjs, { name: 'kernels', executor: other }], clock);
  expect(problems).toEqual([expect.stringMatching(/^kernels: over 50 steps its losses are up to/)]);
});

test('one that lacks a block computes nothing, and is no mistake of the network', () => {
  const lacking: Backend = {
    name: 'cpu',
    executor: { ...kernels.executor, missing: () => ['softmaxOccurrences'] },
  };
  const { executors, problems } = checkNetwork(spec, [lacking, kernels], clock);
  expect(executors[0]).toEqual({ name: 'cpu', missing: ['softmaxOccurrences'] });
  expect(executors[1]).toMatchObject({ lossError: 0 });
  expect(problems).toEqual([]);
});
