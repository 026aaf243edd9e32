import { EmbeddingTable } from '../core/embedding/embedding-table.js';
import { lookupRows } from '../core/embedding/embedding-table.testkit.js';
import { selectExamples, type ExampleBatch } from '../core/features/example-batch.js';
import { adamDefaults, adamStep, createAdamState } from '../core/model/adam.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { sigmoid } from '../core/model/calibration.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { auc, RunningQuality } from '../core/model/metrics.js';
import { rowWidth, type ModelSpec } from '../core/model/network.js';
import {
  FidDeduper,
  poolRows,
  scatterGradients,
  type RowPooling,
} from '../core/model/row-gather.js';
import { createScorer, type DenseVersion } from '../core/model/scorer.js';
import { createTrainingStep } from '../core/model/training-step.js';
import type { BenchResult } from './bench-result.js';
import {
  loadMovielens,
  movielensFolder,
  movielensPoolings,
  movielensSlots,
  type InteractionStream,
} from './movielens.js';

/**
 * What a delay costs and what the default hyperparameters are worth: real interactions in time order, each scored by
 * a model that has learned only from events at least `lag` before it, then learned from in batches, as the cluster
 * does, but in one process and without a clock, so the figures are reproducible to the last digit.
 * Scoring reads rows as serving does (an unknown one is zeros), training as training does (its initial value).
 *
 * Baseline: a factorisation machine updated after every single event, which no batch can be fresher than.
 */
interface Setup {
  readonly model: ModelSpec;
  /** Examples per training step. */
  readonly batchRows: number;
  /** Events between two publications of the dense parameters to serving. */
  readonly denseEveryEvents: number;
  readonly seed: number;
}

interface Outcome {
  readonly auc: number;
  readonly logloss: number;
  readonly calibration: number;
}

const model: ModelSpec = {
  network: 'deepfm',
  slotCount: movielensSlots.length,
  factorDim: 16,
  denseCount: 0,
  hidden: [64],
  heads: 1,
};
const baselineModel: ModelSpec = { ...model, network: 'fm', factorDim: 8 };

/** What a pipeline at that delay sends in one batch: single events when at rest, full batches under load. */
const lags = [
  { lag: 0, batchRows: 1 },
  { lag: 100, batchRows: 32 },
  { lag: 2000, batchRows: 1024 },
];

const rowInitial = 0.02;
const rowLearningRate = 0.05;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const figures: Record<string, number | string> = {};
  const backend = await loadBackend('auto');
  figures['backend'] = backend.name;
  figures['baseline'] = 'factorisation machine, dim 8, one update per event, at the same lag';
  for (const set of options.quick ? ['movielens-100k'] : ['movielens-100k', 'movielens-1m-late']) {
    const folder = movielensFolder(set);
    if (folder === undefined) {
      figures[set] = 'skipped: not found; set STARLING_DATA to the folder that holds it';
      console.log(`${set}: ${figures[set]}`);
      continue;
    }
    const stream = loadMovielens(folder, options.quick ? 10_000 : Infinity);
    figures[`${set}.events`] = stream.labels.length;
    for (const { lag, batchRows } of lags) {
      const setup: Setup = {
        model,
        batchRows,
        denseEveryEvents: Math.max(lag, batchRows),
        seed: 1,
      };
      const baselineSetup: Setup = {
        ...setup,
        model: baselineModel,
        batchRows: 1,
        denseEveryEvents: 1,
      };
      report(figures, `${set}.lag${lag}`, replay(backend, stream, setup, lag));
      report(figures, `${set}.lag${lag}.baseline`, replay(backend, stream, baselineSetup, lag));
    }
  }
  return { name: 'quality', figures };
}

function report(figures: Record<string, number | string>, name: string, outcome: Outcome): void {
  for (const [measure, value] of Object.entries(outcome)) {
    figures[`${name}.${measure}`] = Number((value as number).toFixed(4));
  }
  console.log(
    `${name}: AUC ${outcome.auc.toFixed(4)}, logloss ${outcome.logloss.toFixed(4)}, calibration ${outcome.calibration.toFixed(3)}`,
  );
}

function replay(backend: Backend, stream: InteractionStream, setup: Setup, lag: number): Outcome {
  const learner = new Learner(backend, setup);
  const eventCount = stream.labels.length;
  const logits = new Float32Array(eventCount);
  let scored = 0;
  let learned = 0;
  while (scored < eventCount) {
    const scoreEnd = Math.min(eventCount, learned + setup.batchRows + lag);
    logits.set(learner.score(slice(stream.examples, scored, scoreEnd)), scored);
    scored = scoreEnd;
    const learnEnd = Math.min(eventCount, learned + setup.batchRows);
    learner.learn(
      slice(stream.examples, learned, learnEnd),
      stream.labels.slice(learned, learnEnd),
    );
    learned = learnEnd;
  }
  const quality = new RunningQuality();
  logits.forEach((logit, i) => quality.add(sigmoid(logit), stream.labels[i]!));
  return {
    auc: auc(logits, stream.labels),
    logloss: quality.logloss,
    calibration: quality.calibration,
  };
}

function slice(examples: ExampleBatch, start: number, end: number): ExampleBatch {
  return selectExamples(
    examples,
    Uint32Array.from({ length: end - start }, (_, i) => start + i),
  );
}

/** Tables, trainer, dense shard and ranker in one object; rows are served as soon as they are learned. */
class Learner {
  readonly #setup: Setup;
  readonly #dim: number;
  readonly #tables: EmbeddingTable[];
  readonly #deduper = new FidDeduper();
  readonly #step;
  readonly #scorer;
  readonly #parameters: Float32Array;
  readonly #adam;
  #served: DenseVersion;
  #unpublishedEvents = 0;

  constructor(backend: Backend, setup: Setup) {
    this.#setup = setup;
    this.#dim = rowWidth(setup.model);
    this.#tables = movielensSlots.map(
      (_, slot) =>
        new EmbeddingTable({
          slot,
          dim: this.#dim,
          initializer: {
            kind: 'uniform',
            minimum: -rowInitial,
            maximum: rowInitial,
            zeroPrefix: 1,
          },
          optimizer: { kind: 'adagrad', learningRate: rowLearningRate },
          seed: setup.seed,
        }),
    );
    this.#step = createTrainingStep(backend, setup.model);
    this.#scorer = createScorer(backend, setup.model);
    this.#parameters = initialDense(setup.model, setup.seed);
    this.#adam = createAdamState(this.#parameters.length);
    this.#served = { version: 0, values: this.#parameters.slice() };
  }

  score(examples: ExampleBatch): Float32Array {
    const { pooling, rows } = this.#gather(examples, (table, fids, start, count, out) =>
      lookupRows(table, fids, start, count, out, start * this.#dim),
    );
    const batch = {
      rowCount: examples.rowCount,
      pooled: poolRows(pooling, rows),
      dense: examples.dense,
    };
    return this.#scorer.score(batch, this.#served);
  }

  learn(examples: ExampleBatch, labels: Float32Array): void {
    const { rowCount, dense } = examples;
    const { pooling, rows } = this.#gather(examples, (table, fids, start, count, out) =>
      table.pull(fids, start, count, out, start * this.#dim),
    );
    const weights = new Float32Array(rowCount).fill(1);
    const result = this.#step(
      { rowCount, pooled: poolRows(pooling, rows), dense, labels, weights },
      this.#parameters,
    );
    const gradients = scatterGradients(pooling, result.pooledGradient);
    this.#forEachSlot(pooling, (table, start, count) =>
      table.push(pooling.plan.fids, start, count, gradients, start * this.#dim, 0, 0),
    );
    adamStep(this.#parameters, result.denseGradient, this.#adam, adamDefaults);
    this.#unpublishedEvents += rowCount;
    if (this.#unpublishedEvents < this.#setup.denseEveryEvents) return;
    this.#served = { version: this.#served.version + 1, values: this.#parameters.slice() };
    this.#unpublishedEvents = 0;
  }

  #gather(
    examples: ExampleBatch,
    read: (
      table: EmbeddingTable,
      fids: Uint32Array,
      start: number,
      count: number,
      out: Float32Array,
    ) => void,
  ): { pooling: RowPooling; rows: Float32Array } {
    const plan = this.#deduper.plan(examples, 1);
    const pooling: RowPooling = {
      plan,
      batch: examples,
      dim: this.#dim,
      poolings: movielensPoolings,
    };
    const rows = new Float32Array(plan.uniqueCount * this.#dim);
    this.#forEachSlot(pooling, (table, start, count) => read(table, plan.fids, start, count, rows));
    return { pooling, rows };
  }

  #forEachSlot(
    { plan }: RowPooling,
    visit: (table: EmbeddingTable, start: number, count: number) => void,
  ): void {
    let start = 0;
    this.#tables.forEach((table, slot) => {
      const count = plan.counts[slot]!;
      visit(table, start, count);
      start += count;
    });
  }
}
