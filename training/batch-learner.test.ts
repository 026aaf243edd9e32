import { expect, test } from '@jest/globals';
import { Learner } from '../actors/trainer/learner.js';
import { newAlarm } from '../core/base/shared-ring.js';
import { blueprintOf, initialParameters, parameterCounts } from '../core/blueprint/blueprint.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { loadBackend } from '../core/model/backend.js';
import { scaleSums } from '../core/model/number-scales.js';
import type { GatherPlan } from '../core/model/row-gather.js';
import { createRowStep } from '../core/model/training-step.js';
import { DenseLedger } from '../actors/dense-shard/dense-ledger.js';
import { noFacts } from '../core/joining/event-facts.js';
import { noProgress } from '../messages/progress-marks.js';
import { outcomesOf } from '../messages/outcomes.js';
import { allSquares, repeatedSquares, type StepSquares } from '../messages/squared-gradients.js';
import { BatchLearner } from './batch-learner.js';
import { networkDigest } from './model-files.js';
import type { SampleBlock } from './sample-file.js';

const config = parseClusterConfig({
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    tags: { entity: 'item', kind: 'ids', valuesMax: 3 },
    price: { entity: 'item', kind: 'dense' },
  },
  model: { network: 'deepfm', factorDim: 4, hidden: [8] },
  partitions: 4,
});
const blueprint = blueprintOf(config);
const { slotCount, dim, tables, partitionCount, model } = blueprint;

let drawn = 1;
const next = (below: number): number => (drawn = (drawn * 48_271) % 2_147_483_647) % below;

function blockOf(rowCount: number): SampleBlock {
  const counts = Array.from({ length: rowCount * slotCount }, () => next(3));
  const offsets = new Uint32Array(counts.length + 1);
  counts.forEach((count, i) => (offsets[i + 1] = offsets[i]! + count));
  const dense = Float32Array.from({ length: rowCount * model.denseCount }, () => next(50));
  const labels = Float32Array.from({ length: rowCount }, () => next(2));
  const weights = Float32Array.from({ length: rowCount }, () => 1 + next(3));
  return {
    examples: {
      ...{ rowCount, slotCount, denseCount: model.denseCount, offsets, dense },
      fids: Uint32Array.from({ length: 2 * offsets.at(-1)! }, () => next(40)),
    },
    ...{ labels, weights },
    shown: Uint8Array.from({ length: rowCount }, () => next(2)),
    said: scaleSums({ rowCount, dense, labels, weights }, model),
    atSeconds: 100 + next(1_000),
  };
}

/** What a trainer asks of shards, answered at once. */
function shards() {
  const partitions = Array.from(
    { length: partitionCount },
    (_unused, i) => new EmbeddingPartition(i, tables),
  );
  const ledger = new DenseLedger(
    initialParameters(blueprint),
    blueprint.adam,
    parameterCounts(blueprint),
  );
  let plan: GatherPlan;
  const all = (visit: (partition: EmbeddingPartition, counts: number, fid: number) => number) => {
    let fid = 0;
    partitions.forEach((each, i) => (fid += visit(each, i * slotCount, fid) / dim));
  };
  const denseReply = () => ({ parameters: ledger.parameters, outcome: 'applied' });
  const client = {
    pull: async (wanted: GatherPlan) => {
      plan = wanted;
      const rows = new Float32Array(plan.uniqueCount * dim);
      all((each, counts, fid) => each.pull(plan.counts, counts, plan.fids, fid, rows, fid * dim));
      return { shares: [], rows };
    },
    push: async (
      _pulled: unknown,
      {
        batches,
        atSeconds,
        rows,
        squares,
      }: { batches: Float64Array; atSeconds: number; rows: Float32Array; squares: StepSquares },
    ) => {
      const step = batches[0]!;
      const runs = { starts: Uint32Array.of(0), lengths: Uint32Array.of(plan.uniqueCount) };
      const told = allSquares(rows, repeatedSquares(runs, squares, dim), dim);
      all((each, counts, fid) =>
        each.push(plan.counts, counts, plan.fids, fid, rows, fid * dim, atSeconds, step, told),
      );
      return 'applied';
    },
    pullDense: async () => denseReply(),
    pushDense: async (batches: Float64Array, gradient: Float32Array) => {
      ledger.apply(batches, gradient);
      return denseReply();
    },
    denseDurable: async () => undefined,
  };
  return { client, partitions, ledger };
}

test('one thread learns what a trainer, shards and a dense shard learn, to the bit', async () => {
  const backend = await loadBackend('auto', model);
  const cluster = shards();
  const step = createRowStep(backend, model, { squares: true });
  const clock = { nowMs: () => 0 };
  const options = { explosionFactor: 1000 };
  const trainer = new Learner(blueprint, cluster.client as never, step, clock, options);
  const thread = new BatchLearner({
    ...{ blueprint, backend, thread: 0, threads: 1, links: [], alarm: newAlarm() },
  });
  for (let number = 1; number <= 20; number++) {
    const block = blockOf(1 + next(60));
    const { examples, labels, weights, shown, atSeconds } = block;
    const rows = examples.rowCount;
    const outcome = { ...outcomesOf(labels.slice())['click']!, weights: weights.slice() };
    const begun = trainer.begin([
      {
        message: { sequence: number } as never,
        samples: {
          ...{ specHash: blueprint.spec.hash, resolved: 0, facts: noFacts, progress: noProgress },
          requestIds: Array.from(shown, (is) => (is ? 'r' : '')),
          users: new Array<string>(rows).fill('u'),
          items: new Array<string>(rows).fill('i'),
          outcomes: { click: outcome },
          sampleRates: new Float32Array(rows).fill(1),
          scores: new Float32Array(rows).fill(NaN),
          atMs: new Float64Array(rows).fill(1000 * atSeconds),
          acceptedAtMs: new Float64Array(rows).fill(NaN),
          examples,
        },
      },
    ]);
    const taught = await trainer.learn(begun);
    await taught.settled;
    // Threads tell it each other in single precision.
    expect(thread.learn(block, number, true).loss).toBe(Math.fround(taught.loss));
  }
  expect(thread.partitions.map((each) => each.digest())).toEqual(
    cluster.partitions.map((each) => each.digest()),
  );
  expect(networkDigest(thread.ledger)).toBe(networkDigest(cluster.ledger));
});

test('a step whose gradients are not finite changes nothing', async () => {
  const backend = await loadBackend('auto', model);
  const thread = new BatchLearner({
    ...{ blueprint, backend, thread: 0, threads: 1, links: [], alarm: newAlarm() },
  });
  thread.learn(blockOf(20), 1, true);
  const before = thread.partitions.map((each) => each.digest());
  const network = networkDigest(thread.ledger);
  const poison = blockOf(20);
  poison.weights[3] = Infinity;
  expect(thread.learn(poison, 2, true)).toMatchObject({ isRefused: true });
  expect(thread.partitions.map((each) => each.digest())).toEqual(before);
  expect(networkDigest(thread.ledger)).toBe(network);
});
