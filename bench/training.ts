import { loadBackend, type Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { rowWidth, type ModelSpec } from '../core/model/network.js';
import {
  FidDeduper,
  poolRows,
  scatterGradients,
  type RowPooling,
} from '../core/model/row-gather.js';
import { createScorer } from '../core/model/scorer.js';
import {
  createTrainingStep,
  type LabelledBatch,
  type TrainingStep,
} from '../core/model/training-step.js';
import type { BenchResult } from './bench-result.js';

/**
 * Training steps and scored requests per second by batch size, and what gathering rows costs beside them. The baseline
 * is the same network and the same step with the gradient that tfjs itself has for a dense layer: products with
 * transposed operands, and a sum over rows for the bias.
 */
const model: ModelSpec = {
  network: 'deepfm',
  slotCount: 7,
  factorDim: 16,
  denseCount: 4,
  hidden: [64],
  heads: 1,
};
/** A deeper network, where the arithmetic weighs more than the bookkeeping. */
const deepModel: ModelSpec = { ...model, hidden: [256, 128] };

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const backend = await loadBackend('auto');
  const milliseconds = options.quick ? 150 : 1500;
  const figures: Record<string, number | string> = {
    backend: backend.name,
  };
  for (const rowCount of [16, 64, 256, 1024]) {
    measureModel(figures, backend, model, rowCount, milliseconds, '');
    measureModel(figures, backend, deepModel, rowCount, milliseconds, 'deep.');
    measureGather(figures, rowCount, milliseconds);
  }
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return { name: 'training', figures };
}

type Figures = Record<string, number | string>;

function measureModel(
  figures: Figures,
  backend: Backend,
  spec: ModelSpec,
  rowCount: number,
  milliseconds: number,
  prefix: string,
): void {
  const batch = randomBatch(spec, rowCount);
  const parameters = initialDense(spec, 1);
  const stepsPerSecond = (step: TrainingStep) => rate(milliseconds, () => step(batch, parameters));
  const ours = stepsPerSecond(createTrainingStep(backend, spec));
  const scorer = createScorer(backend, spec);
  const scores = rate(milliseconds, () => scorer.score(batch, { version: 1, values: parameters }));
  scorer.dispose();
  const name = `${prefix}rows${rowCount}`;
  figures[`${name}.stepsPerSecond`] = rounded(ours);
  figures[`${name}.samplesPerSecond`] = rounded(ours * rowCount);
  figures[`${name}.msPerStep`] = rounded(1000 / ours);
  figures[`${name}.scorePerSecond`] = rounded(scores);
}

/** Unique, pool and scatter of one batch; keys as skewed as clicks are. */
function measureGather(figures: Figures, rowCount: number, milliseconds: number): void {
  const { slotCount } = model;
  const cells = rowCount * slotCount;
  const batch = {
    rowCount,
    slotCount,
    denseCount: 0,
    offsets: Uint32Array.from({ length: cells + 1 }, (_, i) => i),
    fids: Uint32Array.from({ length: 2 * cells }, (_, i) =>
      i % 2 === 0 ? Math.floor(10_000 * Math.random() ** 3) : 0,
    ),
    dense: new Float32Array(0),
  };
  const deduper = new FidDeduper();
  const name = `gather.rows${rowCount}`;
  const fidsPerSecond = cells * rate(milliseconds, () => deduper.plan(batch, 64));
  const mapFidsPerSecond = cells * rate(milliseconds, () => planByMap(batch.fids, slotCount));
  figures[`${name}.fidsPerSecond`] = rounded(fidsPerSecond);
  figures[`${name}.baseline.fidsPerSecond`] = rounded(mapFidsPerSecond);
  figures[`${name}.ratio`] = rounded(fidsPerSecond / mapFidsPerSecond);
  const plan = deduper.plan(batch, 64);
  const dim = rowWidth(model);
  const pooling: RowPooling = {
    plan,
    batch,
    dim,
    poolings: new Array<'sum'>(slotCount).fill('sum'),
  };
  const rows = new Float32Array(plan.uniqueCount * dim);
  figures[`${name}.poolAndScatterPerSecond`] = rounded(
    rate(milliseconds, () => scatterGradients(pooling, poolRows(pooling, rows))),
  );
}

/** The baseline of gathering: one Map per slot, one BigInt per key, and no order by partition yet. */
function planByMap(fids: Uint32Array, slotCount: number): Uint32Array {
  const maps = Array.from({ length: slotCount }, () => new Map<bigint, number>());
  const inverse = new Uint32Array(fids.length / 2);
  for (let i = 0; i < inverse.length; i++) {
    const map = maps[i % slotCount]!;
    const key = (BigInt(fids[2 * i + 1]!) << 32n) | BigInt(fids[2 * i]!);
    let unique = map.get(key);
    if (unique === undefined) map.set(key, (unique = map.size));
    inverse[i] = unique;
  }
  return inverse;
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

/** Calls per second over about `milliseconds`, after a tenth of that to warm up. */
function rate(milliseconds: number, call: () => unknown): number {
  const until = performance.now() + milliseconds / 10;
  while (performance.now() < until) call();
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    call();
    calls++;
    elapsed = performance.now() - start;
  }
  return (calls / elapsed) * 1000;
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
