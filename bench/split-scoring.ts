import type { Blueprint } from '../core/blueprint/blueprint.js';
import type { Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { numbersOf } from '../core/model/executors.testkit.js';
import { rowWidth } from '../core/model/network.js';
import { createScorer } from '../core/model/scorer.js';
import { sidesOf, twoSidesOf } from '../core/model/two-sides.js';
import { inTurns, rounded } from './in-turns.js';

/** Items of movielens-100k. */
const count = 1_682;

/**
 * What a scorer takes for all items of a catalog, of the network alone: with what is kept of each item, and on whole rows, as whoever keeps nothing
 * has to (baseline). `derive` is what it takes to keep all of them anew, after a version of the network.
 */
export async function measureSplit(
  figures: Record<string, number | string>,
  backend: Backend,
  { model, spec }: Blueprint,
  turns: number,
): Promise<void> {
  const sides = twoSidesOf(spec);
  const split = backend.executor.split?.(model, sides);
  if (!split) return;
  const { own, item } = sidesOf(model, sides);
  const dim = rowWidth(model);
  const sideRows = (rows: number, { slots, denseCount }: typeof own) => ({
    pooled: numbersOf(rows * slots.length * dim, 1),
    dense: numbersOf(rows * denseCount, 2),
  });
  const [one, items] = [sideRows(1, own), sideRows(count, item)];
  const pairs = numbersOf(count * sides.pairs, 3);
  const places = Uint32Array.from({ length: count }, (_, i) => i);
  const parameters = { version: 1, values: initialDense(model, 1) };
  split.load(parameters);
  split.derive(places, items);
  const scorer = createScorer(backend, model);
  const whole = {
    rowCount: count,
    pooled: numbersOf(count * model.slotCount * dim, 4),
    dense: numbersOf(count * model.denseCount, 5),
  };
  const [splitMs, deriveMs, wholeMs] = (await inTurns(turns, [
    () => split.score(one, places, pairs),
    () => split.derive(places, items),
    () => scorer.score(whole, parameters),
  ])) as [number, number, number];
  figures[`network${count}.kept.ms`] = rounded(splitMs);
  figures[`network${count}.derive.ms`] = rounded(deriveMs);
  figures[`network${count}.whole.ms`] = rounded(wholeMs);
  figures[`network${count}.kept.ratio`] = rounded(wholeMs / splitMs);
}
