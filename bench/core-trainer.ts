import { mix32 } from '../core/base/hash.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { adamStep, createAdamState } from '../core/model/adam.js';
import type { Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { rowWidth, type ModelSpec } from '../core/model/network.js';
import { FidDeduper } from '../core/model/row-gather.js';
import { createRowStep, type LabelledBatch } from '../core/model/training-step.js';

/** Rows of 16 floats, one of each slot an example, and layers of such widths. */
export interface Shape {
  readonly slotCount: number;
  readonly hidden: readonly number[];
}

export interface CoreMeasure {
  readonly shape: Shape;
  readonly rowCount: number;
  /** Of each table. */
  readonly ids: number;
}

const factorDim = 16;
/** Drawn before they are learned, in turn. */
export const batchCount = 64;

export function modelOf({ slotCount, hidden }: Shape): ModelSpec {
  return { network: 'mlp', slotCount, factorDim, denseCount: 0, hidden, heads: 1 };
}

/** Of one example: products and sums of its layers, forward, and backward to what comes in and to what is learned. */
export function stepFlops({ slotCount, hidden }: Shape): number {
  const widths = [slotCount * factorDim, ...hidden, 1];
  return widths.slice(1).reduce((sum, width, i) => sum + 6 * widths[i]! * width, 0);
}

/** What a trainer does with a batch in one process, without messages: unify, pull, pool, step, scatter, push, Adam. */
export function coreTrainer(backend: Backend, { shape, rowCount, ids }: CoreMeasure): () => void {
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
  const batches = Array.from({ length: batchCount }, () => ({
    fids: Uint32Array.from({ length: 2 * rowCount * slotCount }, (_, i) =>
      i % 2 === 0 ? mix32(++drawn) % ids : 0,
    ),
    labels: Float32Array.from({ length: rowCount }, () => Number(mix32(++drawn) % 5 === 0)),
  }));
  let turn = 0;
  return () => {
    const { fids, labels } = batches[turn++ % batchCount]!;
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

export function randomBatch(spec: ModelSpec, rowCount: number): LabelledBatch {
  const random = (length: number) => Float32Array.from({ length }, () => Math.random() - 0.5);
  return {
    rowCount,
    pooled: random(rowCount * spec.slotCount * rowWidth(spec)),
    dense: random(rowCount * spec.denseCount),
    labels: random(rowCount).map((value) => (value > 0 ? 1 : 0)),
    weights: new Float32Array(rowCount).fill(1),
  };
}
