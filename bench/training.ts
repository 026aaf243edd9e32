import { loadBackend, type Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { numbersOf, randomRows } from '../core/model/executors.testkit.js';
import { graphOf } from '../core/model/graph.js';
import { historyNetworks } from '../core/model/history-networks.testkit.js';
import { kernelExecutor } from '../core/model/kernels/kernel-executor.js';
import { kernelKind } from '../core/model/kernels/kernel-module.js';
import type { ModelSpec } from '../core/model/network.js';
import { createScorer } from '../core/model/scorer.js';
import { createTrainingStep } from '../core/model/training-step.js';
import { findLibrary } from '../runtime/tensorflow/library.js';
import type { BenchResult } from './bench-result.js';
import { measurePeers } from './core-peers.js';
import {
  coreTrainer,
  modelOf,
  randomBatch,
  stepFlops,
  type CoreMeasure,
  type Shape,
} from './core-trainer.js';
import { measureGather } from './gather.js';
import { inTurns, rounded } from './in-turns.js';
import { measureKernels } from './kernel-rates.js';
import { nativeBackend } from './native-backend.js';
import { peakFlops, peakLoop } from './peak.js';

/**
 * The training step, by the kernels of this engine, against TensorFlow.js (wasm) and libtensorflow: of the network alone, and as a trainer
 * has it in one process, without messages: unify, pull, pool, step, scatter, push, Adam. Batches take turns, so that whatever
 * else the machine does meets all of them. Products and sums in registers alone say what a step could have at most. Then
 * the same beside PyTorch, and of other versions of Node.js (core-peers.ts).
 */
const shapes: readonly NamedShape[] = [
  { name: 'small', slotCount: 5, hidden: [64, 32] },
  { name: 'large', slotCount: 20, hidden: [256, 128] },
];
const baselineName = 'tfjs';

type NamedShape = Shape & { readonly name: string };

interface Measure extends CoreMeasure {
  readonly shape: NamedShape;
  readonly turns: number;
}

type Figures = Record<string, number | string>;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const kind = kernelKind();
  if (!kind) throw new Error('this engine has no SIMD for WebAssembly');
  const library = findLibrary();
  const backends: Readonly<Record<string, Backend>> = {
    ours: { name: 'kernels', executor: kernelExecutor(kind) },
    // What engines without relaxed SIMD have.
    ...(kind === 'relaxed'
      ? { simd: { name: 'kernels', executor: kernelExecutor('simd') } as const }
      : {}),
    ...(library ? { tensorflow: nativeBackend(library.path) } : {}),
    [baselineName]: await loadBackend('wasm'),
  };
  const figures: Figures = {
    node: process.version,
    kernels: kind,
    baseline: 'TensorFlow.js, wasm, in the same run',
    tensorflow: library ? 'as one graph' : 'not compared: `starling setup-tensorflow` brings it',
  };
  const peak = peakLoop(kind === 'relaxed');
  for (const shape of shapes)
    for (const rowCount of [16, 1024]) {
      const turns = options.quick ? 20 : rowCount === 16 ? 1000 : 100;
      const measure = { shape, rowCount, turns, ids: options.quick ? 10_000 : 100_000 };
      await measureStep(figures, backends, measure, peak);
      await measureCore(figures, backends, measure);
    }
  await measureKernels(figures, kind, peak, options.quick ? 50 : 300);
  await measurePeers(figures, shapes, options);
  for (const rowCount of [16, 256])
    await measureHistories(figures, backends, { rowCount, turns: options.quick ? 10 : 100 });
  for (const rowCount of [16, 1024]) measureGather(figures, rowCount, options.quick ? 100 : 1000);
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return { name: 'training', figures };
}

/** Forward and backward of the network, and scores, from pooled rows. */
async function measureStep(
  figures: Figures,
  backends: Readonly<Record<string, Backend>>,
  { shape, rowCount, turns }: Measure,
  peak: () => void,
): Promise<void> {
  const spec = modelOf(shape);
  const batch = randomBatch(spec, rowCount);
  const values = initialDense(spec, 1);
  const names = Object.keys(backends);
  const steps = names.map((name) => createTrainingStep(backends[name]!, spec));
  const scorers = names.map((name) => createScorer(backends[name]!, spec));
  const [peakMs, ...stepMs] = (await inTurns(turns, [
    peak,
    ...steps.map((step) => () => step(batch, values)),
  ])) as [number, ...number[]];
  const scoreMs = await inTurns(
    turns,
    scorers.map((scorer) => () => scorer.score(batch, { version: 1, values })),
  );
  report(figures, `${shape.name}.rows${rowCount}.step`, names, stepMs);
  report(figures, `${shape.name}.rows${rowCount}.score`, names, scoreMs);
  const name = `${shape.name}.rows${rowCount}.step`;
  figures[`${name}.peak.gflops`] = rounded(peakFlops / peakMs / 1e6);
  names.forEach((each, i) => {
    const gflops = (rowCount * stepFlops(shape)) / stepMs[i]! / 1e6;
    figures[`${name}.${each}.gflops`] = rounded(gflops);
    figures[`${name}.${each}.ofPeak`] = rounded((gflops * peakMs * 1e6) / peakFlops);
  });
}

/** A trainer in one process; each backend has tables of its own. */
async function measureCore(
  figures: Figures,
  backends: Readonly<Record<string, Backend>>,
  measure: Measure,
): Promise<void> {
  const names = Object.keys(backends);
  const { shape, rowCount, turns } = measure;
  const trainers = names.map((name) => coreTrainer(backends[name]!, measure));
  const ms = await inTurns(Math.ceil(turns / 2), trainers);
  const name = `${shape.name}.rows${rowCount}.core`;
  report(figures, name, names, ms);
  names.forEach((each, i) => {
    figures[`${name}.${each}.samplesPerSecond`] = rounded((1000 * rowCount) / ms[i]!);
  });
}

/**
 * Networks that look at the rows of a history one by one, of up to 100 occurrences each. What TensorFlow.js lacks for them are plain loops
 * there: the ratio says what they took before kernels had them.
 */
async function measureHistories(
  figures: Figures,
  backends: Readonly<Record<string, Backend>>,
  { rowCount, turns }: Pick<Measure, 'rowCount' | 'turns'>,
): Promise<void> {
  const spec: ModelSpec = { ...modelOf({ slotCount: 5, hidden: [] }), factorDim: 15 };
  const names = Object.keys(backends);
  for (const network of ['attentionToCandidate', 'encoder'] as const) {
    const graph = graphOf(spec, historyNetworks[network]);
    const batch = randomRows(spec, rowCount, 3, 100);
    const values = numbersOf(graph.layout.size, 1).map((value) => value / 2);
    const trainers = names.map((name) => backends[name]!.executor.trainer(graph));
    const ms = await inTurns(
      turns,
      trainers.map((trainer) => () => trainer.rows(batch, values, false)),
    );
    report(figures, `histories.${network}.rows${rowCount}.step`, names, ms);
  }
}

function report(
  figures: Figures,
  name: string,
  names: readonly string[],
  ms: readonly number[],
): void {
  const baseline = ms[names.indexOf(baselineName)]!;
  names.forEach((each, i) => {
    figures[`${name}.${each}.ms`] = rounded(ms[i]!);
    if (each !== baselineName) figures[`${name}.${each}.ratio`] = rounded(baseline / ms[i]!);
  });
}
