import { expect, test } from '@jest/globals';
import { parseClusterConfig } from '../config/schema.js';
import { mix32 } from '../base/hash.js';
import { concatExamples } from '../features/example-batch.js';
import { createTransform } from '../features/transform.js';
import { adamStep, createAdamState } from '../model/adam.js';
import { loadBackend } from '../model/backend.js';
import { initialDense } from '../model/dense-parameters.js';
import { FidDeduper, poolRows, scatterGradients } from '../model/row-gather.js';
import { createScorer } from '../model/scorer.js';
import { createTrainingStep } from '../model/training-step.js';
import { blueprintOf } from './blueprint.js';

/**
 * A synthetic shop: 12 kinds of things, whose pictures are alike within a kind, and 24 people who like two kinds each. Half
 * of the things are never shown to anybody before they are ranked.
 */
const kinds = 12;
const length = 16;
let drawn = 5;
const random = { next: () => mix32(++drawn) / 2 ** 32 };
const normal = () =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(6.28318 * random.next());
const centres = Array.from({ length: kinds }, () => Array.from({ length }, normal));
const pictures = Array.from({ length: 20 * kinds }, (_, item) =>
  Float32Array.from(centres[item % kinds]!, (x) => 3 * (x + 0.5 * normal())),
);
const likes = (user: number, item: number) => {
  const kind = item % kinds;
  return kind === user % kinds || kind === (5 * user + 3) % kinds;
};
const known = 10 * kinds;

async function trained(features: object, network: 'fm' | 'deepfm') {
  const blueprint = blueprintOf(parseClusterConfig({ features, organic: { negatives: 0 }, model: { network, factorDim: 8, hidden: [16] } })); // prettier-ignore
  const { model, spec, dim, poolings, rowsOf, slotCount } = blueprint;
  const transform = createTransform(spec);
  const backend = await loadBackend('wasm');
  const step = createTrainingStep(backend, model);
  const parameters = initialDense(model, 1);
  const adam = createAdamState(parameters.length);
  const table = new Map<string, Float32Array>();
  const deduper = new FidDeduper();
  const noContext = transform.encodeEntity('context', '', {});
  const examplesOf = (user: number, items: readonly number[]) => {
    const encoded = items.map((item) =>
      transform.encodeEntity(
        'item',
        `i${item}`,
        'picture' in features ? { picture: pictures[item] } : {},
      ),
    );
    const person = transform.encodeEntity('user', `u${user}`, {});
    return transform.assemble(items.map(() => person), encoded, items.map(() => noContext)); // prettier-ignore
  };
  const pooledOf = (batch: ReturnType<typeof examplesOf>) => {
    const plan = deduper.plan(batch, 1, rowsOf);
    const keys: string[] = [];
    for (let s = 0; s < slotCount; s++)
      for (let c = 0; c < plan.counts[s]!; c++)
        keys.push(`${s}:${plan.fids[2 * keys.length]}:${plan.fids[2 * keys.length + 1]}`);
    const rows = new Float32Array(keys.length * dim);
    keys.forEach((key, i) => {
      if (!table.has(key)) table.set(key, Float32Array.from({ length: dim }, (_, d) => (d === 0 ? 0 : 0.02 * normal()))); // prettier-ignore
      rows.set(table.get(key)!, i * dim);
    });
    const pooling = { plan, batch, dim, poolings };
    return { pooling, keys, pooled: poolRows(pooling, rows) };
  };
  for (let n = 0; n < 200; n++) {
    const pairs = Array.from({ length: 32 }, () => [Math.floor(24 * random.next()), Math.floor(known * random.next())] as const); // prettier-ignore
    const batch = concatExamples(
      pairs.map(([user, item]) => examplesOf(user, [item])),
      slotCount,
      model.denseCount,
    );
    const { pooling, keys, pooled } = pooledOf(batch);
    const labels = Float32Array.from(pairs, ([user, item]) => Number(likes(user, item)));
    const weights = new Float32Array(pairs.length).fill(1);
    const result = step(
      { rowCount: pairs.length, pooled, dense: batch.dense, labels, weights },
      parameters,
    );
    const gradients = scatterGradients(pooling, result.pooledGradient);
    keys.forEach((key, i) => {
      const row = table.get(key)!;
      for (let d = 0; d < dim; d++) row[d]! -= 0.05 * gradients[i * dim + d]!;
    });
    adamStep(parameters, result.denseGradient, adam, { ...blueprint.adam, learningRate: 0.01 });
  }
  const scorer = createScorer(backend, model);
  return (user: number, items: readonly number[]): number[] => {
    const batch = examplesOf(user, items);
    const { pooled } = pooledOf(batch);
    const dense = { rowCount: items.length, pooled, dense: batch.dense };
    return [...scorer.score(dense, { version: 1, values: parameters })];
  };
}

/** Of the first ten of what nobody has seen yet, those that are of the kinds that somebody likes, in the mean. */
function rightOfTen(score: (user: number, items: readonly number[]) => number[]): number {
  const fresh = pictures.map((_, item) => item).filter((item) => item >= known);
  let right = 0;
  for (let user = 0; user < 24; user++) {
    const scores = score(user, fresh);
    const order = fresh.map((item, i) => [item, scores[i]!] as const).sort((a, b) => b[1] - a[1]);
    right += order.slice(0, 10).filter(([item]) => likes(user, item)).length / 24;
  }
  return right;
}

const ids = { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } } as const;
const picture = { entity: 'item', kind: 'vector', length } as const;

test.each(['fm', 'deepfm'] as const)(
  'a new item is ranked by its vector before anybody has seen it, by %s',
  async (network) => {
    expect(rightOfTen(await trained({ ...ids, picture }, network))).toBeGreaterThan(8);
  },
);

test('without one it is ranked by chance: two of twelve kinds', async () => {
  expect(rightOfTen(await trained(ids, 'fm'))).toBeLessThan(4);
});
