import { describe, expect, test } from '@jest/globals';
import { EmbeddingPartition } from '../partition.js';
import { compressions } from './compression.js';
import { ServingPartition } from './serving-partition.js';

const specs = [
  { slot: 0, dim: 2, compression: 'fp32' as const, seed: 1 },
  { slot: 3, dim: 1, compression: 'fp16' as const, seed: 1 },
  { slot: 7, dim: 3, compression: 'int8' as const, fp32Prefix: 1, seed: 1 },
];

/** Two fids of slot 0, none of slot 3, one of slot 7; the arrays begin with one foreign element each. */
const counts = Uint32Array.of(99, 2, 0, 1);
const fids = Uint32Array.of(99, 99, 1, 0, 2, 0, 1, 0);
const weights = Float32Array.of(99, 1.5, -2.5, 3.5, 4.5, 0.25, -127, 64);

describe('ServingPartition', () => {
  test('batches are grouped by slot, and slots may differ in width and form', () => {
    const partition = new ServingPartition(5, specs);
    expect(partition.assign(counts, 1, fids, 1, weights, 1)).toBe(7);
    expect(partition.weightFloats(counts, 1)).toBe(7);
    expect(partition.rowCount).toBe(3);
    const out = new Float32Array(8).fill(99);
    expect(partition.lookup(counts, 1, fids, 1, out, 1)).toBe(0);
    expect([...out]).toEqual([99, 1.5, -2.5, 3.5, 4.5, 0.25, -127, 64]);
    partition.verify();
  });

  test('a key of one slot is absent in the others', () => {
    const partition = new ServingPartition(5, specs);
    partition.assign(counts, 1, fids, 1, weights, 1);
    const out = new Float32Array(6).fill(99);
    const probes = Uint32Array.of(1, 0, 1, 0, 2, 0);
    expect(partition.lookup(Uint32Array.of(1, 1, 1), 0, probes, 0, out, 0)).toBe(2);
    expect([...out]).toEqual([1.5, -2.5, 0, 0, 0, 0]);
  });

  test('evictions remove rows of their slot only, and say how many there were', () => {
    const partition = new ServingPartition(5, specs);
    partition.assign(counts, 1, fids, 1, weights, 1);
    const evicted = Uint32Array.of(99, 99, 2, 0, 1, 0, 9, 0, 1, 0);
    expect(partition.remove(Uint32Array.of(99, 1, 1, 2), 1, evicted, 1)).toBe(2);
    expect(partition.tables.map((table) => table.rowCount)).toEqual([1, 0, 0]);
    partition.verify();
  });

  test('counts of too few slots are refused', () => {
    const partition = new ServingPartition(5, specs);
    expect(() => partition.lookup(counts, 2, fids, 1, new Float32Array(9), 0)).toThrow(
      'a count for each slot',
    );
  });

  test('what did not fit is counted', () => {
    const partition = new ServingPartition(5, specs);
    partition.assign(Uint32Array.of(1, 1, 0), 0, fids, 1, Float32Array.of(NaN, 1, 1e6), 0);
    expect(partition.saturatedCount).toBe(2);
  });

  test('a follower in fp32 has the digest of the weights it follows; the other forms their own', () => {
    const tables = [0, 3].map((slot) => ({
      slot,
      dim: 2,
      initializer: { kind: 'uniform' as const, minimum: -1, maximum: 1 },
      optimizer: { kind: 'adagrad' as const, learningRate: 0.1 },
      seed: 1,
    }));
    const owner = new EmbeddingPartition(5, tables);
    const many = Uint32Array.from({ length: 400 }, (_, i) => i);
    owner.push(Uint32Array.of(150, 50), 0, many, 0, new Float32Array(400).fill(0.3), 0, 1, 0);
    const delta = owner.takeDelta();
    const digests = compressions.map((compression) => {
      const follow = () => {
        const follower = new ServingPartition(
          5,
          tables.map(({ slot, dim, seed }) => ({ slot, dim, seed, compression })),
        );
        follower.assign(delta.counts, 0, delta.fids, 0, delta.weights, 0);
        return follower.digest();
      };
      expect(follow()).toBe(follow());
      return follow();
    });
    expect(digests[0]).toBe(owner.digest(false));
    expect(new Set(digests).size).toBe(3);
  });
});
