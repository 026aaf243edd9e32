import { expect, test } from '@jest/globals';
import { EmbeddingPartition } from '../partition.js';
import { compressions } from './compression.js';
import { servedDigest } from './served-digest.js';
import { ServingPartition } from './serving-partition.js';

const initializer = { kind: 'zeros' } as const;
const tables = [
  {
    slot: 0,
    dim: 3,
    optimizer: { kind: 'adagrad' as const, learningRate: 0.1 },
    initializer,
    seed: 1,
  },
  { slot: 4, dim: 3, optimizer: { kind: 'sgd' as const, learningRate: 0.1 }, initializer, seed: 1 },
];

/** More rows than fit on a page, some of them evicted. */
function trained(): EmbeddingPartition {
  const partition = new EmbeddingPartition(2, tables);
  const count = 5_000;
  const fids = new Uint32Array(4 * count);
  for (let i = 0; i < 2 * count; i++) fids[2 * i] = i * 7;
  const gradients = Float32Array.from({ length: 6 * count }, (_unused, i) => Math.sin(i));
  partition.push(Uint32Array.of(count, count), 0, fids, 0, gradients, 0, 1, 1);
  return partition;
}

test.each(compressions)(
  'the digest of rows that are trained is that of the same rows served as %s',
  (compression) => {
    const specs = tables.map(({ slot, dim }) => ({
      slot,
      dim,
      compression,
      fp32Prefix: 1,
      seed: 1,
    }));
    const owner = trained();
    const served = new ServingPartition(2, specs);
    const { counts, fids, weights } = owner.takeDelta(1_000_000);
    served.assign(counts, 0, fids, 0, weights, 0);
    expect(served.rowCount).toBe(10_000);
    expect(servedDigest(owner, specs)).toBe(served.digest());
    if (compression === 'fp32') expect(servedDigest(owner, specs)).toBe(owner.digest(false));
    served.remove(Uint32Array.of(1, 0), 0, fids, 0);
    expect(servedDigest(owner, specs)).not.toBe(served.digest());
  },
);
