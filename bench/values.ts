import defaults from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { loadBackend } from '../core/model/backend.js';
import type { BenchResult } from './bench-result.js';
import { replay, toldOnly } from './counters.js';
import { movielensFolder, movielensRows } from './movielens.js';

/**
 * A head of squared loss on real interactions in time order, each predicted before it was known, from what is at least `lag` events
 * older: the error of a value. The sets here have no stars, only whether there were four or more, so the value is 0 or 1: a chance learned
 * as if it were an amount.
 *
 * Baselines, in the same run and at the same lag: the mean of all, and that plus what user and item are beyond it, each smoothed.
 */
const lag = 100;
/** As many events of the mean are added to each user and item. Fewer: one event is believed. */
const smoothing = 5;

type Events = ReturnType<typeof movielensRows>['events'];

export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const figures: Record<string, number | string> = { lag, baseline: 'mean of user and item' };
  const backend = await loadBackend('auto');
  const whole = parseClusterConfig(defaults);
  const told = { ...whole, features: toldOnly(whole.features) };
  const set = 'movielens-100k';
  const folder = movielensFolder(set);
  if (folder === undefined) {
    figures[set] = 'skipped: not found; set STARLING_DATA to the folder that holds it';
    console.log(`${set}: ${figures[set]}`);
    return { name: 'values', figures };
  }
  const rows = movielensRows(folder, quick ? 10_000 : Infinity);
  const note = (name: string, predicted: ArrayLike<number>): void => {
    const { rmse, mae } = errorsOf(predicted, rows.events);
    figures[`${name}.rmse`] = Number(rmse.toFixed(4));
    figures[`${name}.mae`] = Number(mae.toFixed(4));
    console.log(`${name}: RMSE ${rmse.toFixed(4)}, MAE ${mae.toFixed(4)}`);
  };
  const means = meansOf(rows.events);
  note('mean of all', means.ofAll);
  note('mean of user and item', means.ofBoth);
  for (const seed of quick ? [1] : [1, 2, 3]) {
    note(
      `seed ${seed}, without what is kept`,
      replay(backend, rows, told, seed, ['squared']).logits,
    );
    note(`seed ${seed}, with it`, replay(backend, rows, whole, seed, ['squared']).logits);
  }
  return { name: 'values', figures };
}

function errorsOf(predicted: ArrayLike<number>, events: Events) {
  let squares = 0;
  let absolutes = 0;
  events.forEach(({ label }, i) => {
    const error = predicted[i]! - label;
    squares += error ** 2;
    absolutes += Math.abs(error);
  });
  return { rmse: Math.sqrt(squares / events.length), mae: absolutes / events.length };
}

/** What was known `lag` events before each. */
function meansOf(events: Events) {
  const all = { sum: 0, count: 0 };
  const users = new Map<string, { sum: number; count: number }>();
  const items = new Map<string, { sum: number; count: number }>();
  const meanOfAll = (): number => (all.count === 0 ? 0.5 : all.sum / all.count);
  const beyond = (kept: typeof users, id: string): number => {
    const { sum, count } = kept.get(id) ?? { sum: 0, count: 0 };
    return (sum - count * meanOfAll()) / (count + smoothing);
  };
  const ofAll = new Float64Array(events.length);
  const ofBoth = new Float64Array(events.length);
  events.forEach(({ user, item }, i) => {
    const known = events[i - lag];
    if (known) {
      for (const [kept, id] of [[users, known.user] as const, [items, known.item] as const]) {
        const { sum, count } = kept.get(id) ?? { sum: 0, count: 0 };
        kept.set(id, { sum: sum + known.label, count: count + 1 });
      }
      all.sum += known.label;
      all.count++;
    }
    ofAll[i] = meanOfAll();
    ofBoth[i] = meanOfAll() + beyond(users, user) + beyond(items, item);
  });
  return { ofAll, ofBoth };
}
