import { mix32 } from '../../core/base/hash.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { loadBackend } from '../../core/model/backend.js';
import { CoreLearner } from '../core-learner.js';

const slotCount = 7;
const rowCount = 512;
const ids = 2_000;
const rounds = 60;

/**
 * What all of a cluster is there to do, in one process and without a message: examples are scored, and then learned. µs of processor for each,
 * the lower quartile of batches.
 */
export async function coreUsPerSample(): Promise<number> {
  const backend = await loadBackend('auto');
  const learner = new CoreLearner(backend, {
    model: {
      network: 'deepfm',
      slotCount,
      factorDim: 16,
      denseCount: 0,
      hidden: [64, 32],
      heads: 1,
    },
    poolings: Array.from({ length: slotCount }, () => 'sum' as const),
    denseEveryEvents: rowCount,
    seed: 1,
  });
  const labels = Float32Array.from({ length: rowCount }, (_unused, i) => i % 2);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const examples = drawn(round);
    const before = process.cpuUsage();
    learner.score(examples);
    learner.learn(examples, labels);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / rowCount);
  }
  return times.sort((a, b) => a - b)[times.length >> 2]!;
}

function drawn(round: number): ExampleBatch {
  const offsets = Uint32Array.from({ length: rowCount * slotCount + 1 }, (_unused, i) => i);
  const fids = Uint32Array.from({ length: 2 * rowCount * slotCount }, (_unused, i) =>
    i % 2 === 0 ? mix32(mix32(round) + i) % ids : 0,
  );
  return { rowCount, slotCount, denseCount: 0, offsets, fids, dense: new Float32Array(0) };
}
