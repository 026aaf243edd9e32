import { selectExamples, type ExampleBatch } from '../core/features/example-batch.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { sigmoid } from '../core/model/calibration.js';
import { auc, RunningQuality } from '../core/model/metrics.js';
import type { ModelSpec } from '../core/model/network.js';
import type { BenchResult } from './bench-result.js';
import { CoreLearner, type CoreSetup } from './core-learner.js';
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
export interface Setup extends CoreSetup {
  /** Examples per training step. */
  readonly batchRows: number;
}

interface Outcome {
  readonly auc: number;
  readonly logloss: number;
  readonly calibration: number;
}

export const model: ModelSpec = {
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
        poolings: movielensPoolings,
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

export function replay(
  backend: Backend,
  stream: InteractionStream,
  setup: Setup,
  lag: number,
): Outcome {
  const learner = new CoreLearner(backend, setup);
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
