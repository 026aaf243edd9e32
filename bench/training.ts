import { mix32 } from '../core/base/hash.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { adamStep, createAdamState } from '../core/model/adam.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { numbersOf, randomRows } from '../core/model/executors.testkit.js';
import { graphOf } from '../core/model/graph.js';
import { historyNetworks } from '../core/model/history-networks.testkit.js';
import { kernelExecutor } from '../core/model/kernels/kernel-executor.js';
import { kernelKind } from '../core/model/kernels/kernel-module.js';
import { rowWidth, type ModelSpec } from '../core/model/network.js';
import { FidDeduper } from '../core/model/row-gather.js';
import { createScorer } from '../core/model/scorer.js';
import {
  createRowStep,
  createTrainingStep,
  type LabelledBatch,
} from '../core/model/training-step.js';
import { tensorExecutor } from '../core/model/tensorflow/tensor-executor.js';
import { findLibrary } from '../runtime/tensorflow/library.js';
import { openTensorRuntime } from '../runtime/tensorflow/tensor-runtime.js';
import type { BenchResult } from './bench-result.js';
import { measureGather } from './gather.js';
import { inTurns, rounded } from './in-turns.js';
import { peakFlops, peakLoop } from './peak.js';
import { torchStep } from './torch-step.js';

/**
 * The training step, by the kernels of this engine, against TensorFlow.js (wasm), libtensorflow and PyTorch: of the network alone, and as a trainer
 * has it in one process, without messages: unify, pull, pool, step, scatter, push, Adam. Batches take turns, so that whatever
 * else the machine does meets all of them. Products and sums in registers alone say what a step could have at most.
 */
const shapes: readonly Shape[] = [
  { name: 'small', slotCount: 5, hidden: [64, 32] },
  { name: 'large', slotCount: 20, hidden: [256, 128] },
];
const factorDim = 16;
const baselineName = 'tfjs';

interface Shape {
  readonly name: string;
  readonly slotCount: number;
  readonly hidden: readonly number[];
}

interface Measure {
  readonly shape: Shape;
  readonly rowCount: number;
  /** Of each table. */
  readonly ids: number;
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
    tensorflow: library?.path ?? 'not compared: `starling setup-tensorflow` brings it',
  };
  const peak = peakLoop(kind === 'relaxed');
  for (const shape of shapes)
    for (const rowCount of [16, 1024]) {
      const turns = options.quick ? 20 : rowCount === 16 ? 1000 : 100;
      const measure = { shape, rowCount, turns, ids: options.quick ? 10_000 : 100_000 };
      await measureStep(figures, backends, measure, peak);
      await measureCore(figures, backends, measure);
      measureTorch(figures, measure);
    }
  for (const rowCount of [16, 256])
    await measureHistories(figures, backends, { rowCount, turns: options.quick ? 10 : 100 });
  for (const rowCount of [16, 1024]) measureGather(figures, rowCount, options.quick ? 100 : 1000);
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return { name: 'training', figures };
}

/** As one graph. */
function nativeBackend(library: string): Backend {
  return { name: 'tensorflow', executor: tensorExecutor(openTensorRuntime(library)) };
}

function modelOf({ slotCount, hidden }: Shape): ModelSpec {
  return { network: 'mlp', slotCount, factorDim, denseCount: 0, hidden, heads: 1 };
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

/** Of one example: products and sums of its layers, forward, and backward to what comes in and to what is learned. */
function stepFlops({ slotCount, hidden }: Shape): number {
  const widths = [slotCount * factorDim, ...hidden, 1];
  return widths.slice(1).reduce((sum, width, i) => sum + 6 * widths[i]! * width, 0);
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

function coreTrainer(backend: Backend, { shape, rowCount, ids }: Measure): () => void {
  const spec = modelOf(shape);
  const { slotCount } = spec;
  const dim = rowWidth(spec);
  const partition = new EmbeddingPartition(
    0,
    Array.from({ length: slotCount }, (_, slot) => ({
      ...{ slot, dim, seed: 7 },
      initializer: { kind: 'uniform', minimum: -0.01, maximum: 0.01, zeroPrefix: 1 },
      optimizer: { kind: 'adagrad', learningRate: 0.05 },
    })),
    undefined,
    { initialRows: ids },
  );
  const step = createRowStep(backend, spec);
  const parameters = initialDense(spec, 1);
  const adam = createAdamState(parameters.length);
  const deduper = new FidDeduper();
  const poolings = new Array<'sum'>(slotCount).fill('sum');
  const offsets = Uint32Array.from({ length: rowCount * slotCount + 1 }, (_, i) => i);
  const weights = new Float32Array(rowCount).fill(1);
  const dense = new Float32Array(0);
  let drawn = 0;
  return () => {
    const fids = Uint32Array.from({ length: 2 * rowCount * slotCount }, (_, i) =>
      i % 2 === 0 ? mix32(++drawn) % ids : 0,
    );
    const labels = Float32Array.from({ length: rowCount }, () => Number(mix32(++drawn) % 5 === 0));
    const batch = { rowCount, slotCount, denseCount: 0, offsets, fids, dense };
    const plan = deduper.plan(batch, 1);
    const rows = new Float32Array(plan.uniqueCount * dim);
    partition.pull(plan.counts, 0, plan.fids, 0, rows, 0);
    const pooling = { plan, batch, dim, poolings };
    const result = step({ rowCount, rows, pooling, dense, labels, weights }, parameters);
    partition.push(plan.counts, 0, plan.fids, 0, result.rowGradient, 0, 0, 0);
    adamStep(parameters, result.denseGradient, adam);
  };
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
  const spec: ModelSpec = { ...modelOf({ name: '', slotCount: 5, hidden: [] }), factorDim: 15 };
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

function measureTorch(figures: Figures, { shape, rowCount, turns, ids }: Measure): void {
  const found = torchStep({ ...shape, rowCount, ids, turns });
  if (typeof found === 'string') {
    figures['torch'] = found;
    return;
  }
  figures['torch'] = `PyTorch ${found.version}, one thread, wall time, after the others`;
  for (const [what, ms] of [
    ['step', found.stepMs],
    ['core', found.coreMs],
  ] as const) {
    const name = `${shape.name}.rows${rowCount}.${what}`;
    figures[`${name}.torch.ms`] = rounded(ms);
    figures[`${name}.ours.ratioToTorch`] = rounded(ms / Number(figures[`${name}.ours.ms`]));
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

function randomBatch(spec: ModelSpec, rowCount: number): LabelledBatch {
  const random = (length: number) => Float32Array.from({ length }, () => Math.random() - 0.5);
  return {
    rowCount,
    pooled: random(rowCount * spec.slotCount * rowWidth(spec)),
    dense: random(rowCount * spec.denseCount),
    labels: random(rowCount).map((value) => (value > 0 ? 1 : 0)),
    weights: new Float32Array(rowCount).fill(1),
  };
}
