import defaults from '../cluster.config.js';
import { ActivityBook } from '../core/activity/activity-book.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import { keptRulesOf } from '../core/blueprint/kept-rules.js';
import { parseClusterConfig, type ClusterConfig } from '../core/config/schema.js';
import { encodeContext } from '../core/features/origin.js';
import { concatExamples } from '../core/features/example-batch.js';
import { isKept } from '../core/features/feature-spec.js';
import { createTransform } from '../core/features/transform.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { sigmoid } from '../core/model/calibration.js';
import type { HeadLoss } from '../core/model/network.js';
import { auc, RunningQuality } from '../core/model/metrics.js';
import type { BenchResult } from './bench-result.js';
import { CoreLearner } from './core-learner.js';
import { movielensFolder, movielensRows } from './movielens.js';

/**
 * What the histories, counts and rates of the default configuration are worth: real interactions in time order, each scored with
 * what was learned, and kept, of those at least `lag` before it; that an item was shown is known at once. In one process and
 * without a clock, so the figures are reproducible.
 *
 * Baseline: the same configuration without them, in the same run; and, with them, rows that learn all alike, by batch and at one rate.
 */
const lag = 100;
const batchRows = 32;
const statesMax = 1_000_000;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const figures: Record<string, number | string> = { lag, baseline: 'without what is kept' };
  const backend = await loadBackend('auto');
  const whole = parseClusterConfig(defaults);
  const told = { ...whole, features: toldOnly(whole.features) };
  const { learningRate } = whole.model.rows;
  const alike = { learningRate, accumulates: 'batch', firstOrderRate: learningRate } as const;
  const slots = Object.fromEntries(Object.keys(whole.features).map((name) => [name, alike]));
  const batched = { ...whole, model: { ...whole.model, slots } };
  for (const set of options.quick ? ['movielens-100k'] : ['movielens-100k', 'movielens-1m-late']) {
    const folder = movielensFolder(set);
    if (folder === undefined) {
      figures[set] = 'skipped: not found; set STARLING_DATA to the folder that holds it';
      console.log(`${set}: ${figures[set]}`);
      continue;
    }
    const stream = movielensRows(folder, options.quick ? 10_000 : Infinity);
    for (const seed of options.quick ? [1] : [1, 2, 3]) {
      const without = replay(backend, stream, told, seed);
      const kept = replay(backend, stream, whole, seed);
      const before = replay(backend, stream, batched, seed);
      const gain = kept.auc - without.auc;
      figures[`${set}.seed${seed}.without`] = rounded(without.auc);
      figures[`${set}.seed${seed}.with`] = rounded(kept.auc);
      figures[`${set}.seed${seed}.gain`] = rounded(gain);
      figures[`${set}.seed${seed}.alike`] = rounded(before.auc);
      console.log(
        `${set}, seed ${seed}: AUC ${without.auc.toFixed(4)} without, ${kept.auc.toFixed(4)} with (+${gain.toFixed(4)}); ` +
          `logloss ${without.logloss.toFixed(4)}, ${kept.logloss.toFixed(4)}; where all rows learn alike ` +
          `${before.auc.toFixed(4)}, ${before.logloss.toFixed(4)}`,
      );
    }
  }
  return { name: 'counters', figures };
}

export function toldOnly(features: ClusterConfig['features']): ClusterConfig['features'] {
  return Object.fromEntries(Object.entries(features).filter(([, feature]) => !isKept(feature)));
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

/** @param losses see ModelSpec; the labels are values where it is squared. */
export function replay(
  backend: Backend,
  { events, users, items }: ReturnType<typeof movielensRows>,
  config: ClusterConfig,
  seed: number,
  losses?: readonly HeadLoss[],
) {
  const blueprint = blueprintOf(config);
  const { spec, poolings } = blueprint;
  const model = losses ? { ...blueprint.model, losses } : blueprint.model;
  const transform = createTransform(spec);
  const ofEntity = { user: users, item: items };
  const features = (entity: 'user' | 'item', id: string) => ofEntity[entity].get(id) ?? {};
  const ports = { stored: () => undefined, features };
  const book = new ActivityBook(keptRulesOf(config), ports, statesMax);
  const context = encodeContext(transform, {}, 'shown');
  const encoded = (entity: 'user' | 'item', id: string, atMs: number) =>
    transform.encodeEntity(entity, id, features(entity, id), book.kept(entity, id, atMs));
  const learner = new CoreLearner(backend, {
    ...{ model, poolings, rowsOf: blueprint.rowsOf, denseEveryEvents: lag, seed },
    optimizers: blueprint.tables.map(({ optimizer }) => optimizer),
  });
  const labels = Float32Array.from(events, ({ label }) => label);
  const logits = new Float32Array(events.length);
  /** As they were scored. */
  const examples: ReturnType<typeof transform.assemble>[] = [];
  for (let learned = 0, scored = 0; learned < events.length; learned += batchRows) {
    const end = Math.min(events.length, learned + batchRows + lag);
    for (; scored < end; scored++) {
      const { user, item, atMs } = events[scored]!;
      const example = transform.assemble(
        [encoded('user', user, atMs)],
        [encoded('item', item, atMs)],
        [context],
      );
      examples.push(example);
      logits[scored] = learner.score(example)[0]!;
      book.take({ kind: 'shown', person: user, item, atMs });
    }
    const batch = examples.splice(0, batchRows);
    learner.learn(
      concatExamples(batch, spec.slots.length, spec.denseWidth),
      labels.slice(learned, learned + batch.length),
    );
    for (const { user, item, label, atMs } of events.slice(learned, learned + batch.length))
      book.take({
        ...{ kind: 'outcome', outcome: 'click', person: user, item, label, atMs },
        requestId: '',
      });
  }
  const quality = new RunningQuality();
  logits.forEach((logit, i) => quality.add(sigmoid(logit), labels[i]!));
  return { auc: auc(logits, labels), logloss: quality.logloss, logits };
}
