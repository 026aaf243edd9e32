import { mix32 } from '../base/hash.js';
import type { ClusterConfigInput } from '../config/schema.js';
import { parseClusterConfig } from '../config/schema.js';
import type { ExampleBatch } from '../features/example-batch.js';
import { createTransform } from '../features/transform.js';
import { adamStep, createAdamState } from '../model/adam.js';
import { loadBackend } from '../model/backend.js';
import { cutValues, scaleStep, scaleSums, scalesIn } from '../model/number-scales.js';
import { FidDeduper, poolRows, scatterGradients } from '../model/row-gather.js';
import { createScorer } from '../model/scorer.js';
import { createTrainingStep } from '../model/training-step.js';
import { transformValue } from '../model/value-transform.js';
import { blueprintOf, initialParameters, parameterCounts } from './blueprint.js';

/** Chance that a seed makes. */
export function drawsOf(seed: number) {
  let drawn = seed;
  const next = () => mix32(++drawn) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return { next, normal };
}

/** A model that learns as a cluster does, in one process: its tables are a map, its rows learn by plain descent. */
export async function paperLearner(
  config: ClusterConfigInput,
  rates = { rows: 0.05, dense: 0.01 },
) {
  const blueprint = blueprintOf(parseClusterConfig(config));
  const { model, spec, dim, poolings, rowsOf, slotCount, values } = blueprint;
  const counts = parameterCounts(blueprint);
  const backend = await loadBackend('wasm');
  const step = createTrainingStep(backend, model);
  const scorer = createScorer(backend, model);
  const parameters = initialParameters(blueprint);
  const network = parameters.subarray(0, counts.network);
  const scales = scalesIn(parameters.subarray(counts.network), model);
  const adam = createAdamState(counts.network);
  const table = new Map<string, Float32Array>();
  const deduper = new FidDeduper();
  const { normal } = drawsOf(1);
  let version = 0;

  const pooledOf = (batch: ExampleBatch) => {
    const plan = deduper.plan(batch, 1, rowsOf);
    const keys: string[] = [];
    for (let s = 0; s < slotCount; s++)
      for (let c = 0; c < plan.counts[s]!; c++)
        keys.push(`${s}:${plan.fids[2 * keys.length]}:${plan.fids[2 * keys.length + 1]}`);
    const rows = new Float32Array(keys.length * dim);
    keys.forEach((key, i) => {
      const fresh = () =>
        Float32Array.from({ length: dim }, (_, d) => (d > 0 ? 0.02 * normal() : 0));
      if (!table.has(key)) table.set(key, fresh());
      rows.set(table.get(key)!, i * dim);
    });
    const pooling = { plan, batch, dim, poolings };
    return { pooling, keys, pooled: poolRows(pooling, rows) };
  };

  return {
    blueprint,
    transform: createTransform(spec),
    /** @param labels [rows × heads], as told. */
    learn: (batch: ExampleBatch, labels: Float32Array): void => {
      const { rowCount, dense } = batch;
      const { pooling, keys, pooled } = pooledOf(batch);
      labels.forEach((label, i) => {
        const scale = values[i % model.heads];
        if (scale) labels[i] = transformValue(scale, label);
      });
      const weights = new Float32Array(labels.length).fill(1);
      const said = scaleSums({ rowCount, dense, labels, weights }, model);
      cutValues({ labels, weights }, model, scales, said, values);
      const result = step({ rowCount, pooled, dense, labels, weights }, parameters);
      const gradients = scatterGradients(pooling, result.pooledGradient);
      keys.forEach((key, i) => {
        const row = table.get(key)!;
        for (let d = 0; d < dim; d++) row[d]! -= rates.rows * gradients[i * dim + d]!;
      });
      adamStep(network, result.denseGradient, adam, {
        ...blueprint.adam,
        learningRate: rates.dense,
      });
      scaleStep(scales, said);
      version++;
    },
    /** Logits [rows × heads]. */
    score: (batch: ExampleBatch): Float32Array => {
      const { pooled } = pooledOf(batch);
      const { rowCount, dense } = batch;
      return scorer.score({ rowCount, pooled, dense }, { version, values: parameters });
    },
  };
}
