import type { Clock } from '../../core/base/clock.js';
import type { Backend } from '../../core/model/backend.js';
import { initialDense } from '../../core/model/dense-parameters.js';
import { rowWidth, type ModelSpec } from '../../core/model/network.js';
import { FidDeduper, type Pooling } from '../../core/model/row-gather.js';
import { createScorer } from '../../core/model/scorer.js';
import { createRowStep, type LabelledRows } from '../../core/model/training-step.js';

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
    const batch = batchOf(model, rowCount);
    const runs = steps.map((step) => () => step(batch, values));
    if (rowCount === rowCounts.training[0]) warmUp(runs, clock);
    timings[`training ${rowCount}`] = bestOf(runs, clock);
  }
  const scorers = backends.map((backend) => createScorer(backend, model));
  for (const rowCount of rowCounts.scoring) {
    const batch = batchOf(model, rowCount);
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

/** One value in each slot, and of histories as many as they have, of which a third is seen again. */
function batchOf(model: ModelSpec, rowCount: number): LabelledRows {
  const { slotCount, denseCount, heads } = model;
  const cells = rowCount * slotCount;
  const wave = (length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i) / 2);
  const lengths = new Map(model.histories?.map(({ slot, length }) => [slot, length]));
  const offsets = new Uint32Array(cells + 1);
  for (let cell = 0; cell < cells; cell++)
    offsets[cell + 1] = offsets[cell]! + (lengths.get(cell % slotCount) ?? 1);
  const fids = Uint32Array.from({ length: 2 * offsets[cells]! }, (_, i) =>
    i % 2 ? 0 : i % 3 && i,
  );
  const dense = wave(rowCount * denseCount);
  const batch = { rowCount, slotCount, denseCount, offsets, fids, dense };
  const plan = new FidDeduper().plan(batch, 1);
  const dim = rowWidth(model);
  const poolings = new Array<Pooling>(slotCount).fill('mean');
  return {
    ...{ rowCount, dense },
    rows: wave(plan.uniqueCount * dim),
    pooling: { plan, batch, dim, poolings },
    labels: Float32Array.from({ length: rowCount * heads }, (_, i) => i % 2),
    weights: new Float32Array(rowCount * heads).fill(1),
  };
}
