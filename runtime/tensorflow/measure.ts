import type { Clock } from '../../core/base/clock.js';
import type { Backend } from '../../core/model/backend.js';
import { initialDense } from '../../core/model/dense-parameters.js';
import type { ModelSpec } from '../../core/model/network.js';
import { usualRows } from '../../core/model/random-rows.js';
import { createScorer } from '../../core/model/scorer.js';
import { createRowStep } from '../../core/model/training-step.js';

/** By what is done of how many rows, such as `training 16`: the best time of each backend, milliseconds, in the order given. */
export type Timings = Readonly<Record<string, readonly number[]>>;

/** Live events come in small batches, an import in large ones; a request has some dozens to hundreds of candidates. */
const rowCounts = { training: [16, 256, 1024], scoring: [32, 256] } as const;
/** Turns that each backend has, one after the other, so that what else the machine does meets both. */
const turns = 5;
/** For a turn; at least one run. All of it is about a second. Too low: what happens to run beside decides. */
const turnMs = 10;
/** Before the first turns. Too low: code is not compiled yet, which is of a backend in JavaScript alone. */
const warmUpMs = 100;

/** Times steps and scores of a model, on numbers of no meaning. */
export function measure(
  backends: readonly Backend[],
  model: ModelSpec,
  clock: Pick<Clock, 'nowMs'>,
): Timings {
  const values = initialDense(model, 1);
  const timings: Record<string, number[]> = {};
  const steps = backends.map((backend) => createRowStep(backend, model));
  for (const rowCount of rowCounts.training) {
    const batch = usualRows(model, rowCount);
    const runs = steps.map((step) => () => step(batch, values));
    if (rowCount === rowCounts.training[0]) warmUp(runs, clock);
    timings[`training ${rowCount}`] = bestOf(runs, clock);
  }
  const scorers = backends.map((backend) => createScorer(backend, model));
  for (const rowCount of rowCounts.scoring) {
    const batch = usualRows(model, rowCount);
    const runs = scorers.map((scorer) => () => scorer.scoreRows(batch, { version: 1, values }));
    timings[`scoring ${rowCount}`] = bestOf(runs, clock);
  }
  for (const scorer of scorers) scorer.dispose();
  return timings;
}

/** How many times as fast as the second the first backend is at one use; the geometric mean over the numbers of rows. */
export function speedUp(timings: Timings, use: string): number {
  const ratios = Object.entries(timings)
    .filter(([name]) => name.startsWith(`${use} `))
    .map(([, [first, second]]) => Math.log(second! / first!));
  return Math.exp(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length);
}

function warmUp(runs: readonly (() => unknown)[], clock: Pick<Clock, 'nowMs'>): void {
  for (const run of runs)
    for (const until = clock.nowMs() + warmUpMs; clock.nowMs() < until;) run();
}

function bestOf(runs: readonly (() => unknown)[], clock: Pick<Clock, 'nowMs'>): number[] {
  // The first is not of the same kind: memory is laid out, and code is compiled.
  for (const run of runs) run();
  const best = runs.map(() => Infinity);
  for (let turn = 0; turn < turns; turn++) {
    runs.forEach((run, i) => {
      const until = clock.nowMs() + turnMs;
      do {
        const startMs = clock.nowMs();
        run();
        best[i] = Math.min(best[i]!, clock.nowMs() - startMs);
      } while (clock.nowMs() < until);
    });
  }
  return best;
}
