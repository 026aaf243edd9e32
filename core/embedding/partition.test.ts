import { describe, expect, test } from '@jest/globals';
import { mix32 } from '../base/hash.js';
import type { TableSpec } from './embedding-table.js';
import { EmbeddingPartition, type PartitionDelta } from './partition.js';

const specs: TableSpec[] = [
  {
    slot: 0,
    dim: 2,
    initializer: { kind: 'uniform', minimum: -1, maximum: 1 },
    optimizer: { kind: 'adagrad', learningRate: 0.1 },
    seed: 1,
  },
  {
    slot: 3,
    dim: 1,
    initializer: { kind: 'zeros' },
    optimizer: { kind: 'sgd', learningRate: 0.1 },
    seed: 1,
  },
  {
    slot: 7,
    dim: 3,
    initializer: { kind: 'normal', stddev: 1 },
    optimizer: { kind: 'adagrad', learningRate: 0.1 },
    seed: 1,
  },
];

/** Two fids of slot 0, none of slot 3, one of slot 7; the arrays begin with one foreign element each. */
const counts = Uint32Array.of(99, 2, 0, 1);
const fids = Uint32Array.of(99, 99, 1, 0, 2, 0, 1, 0);
const grads = Float32Array.of(99, 1, 2, 3, 4, 5, 6, 7);

function assignDelta(partition: EmbeddingPartition, delta: PartitionDelta, withState = true): void {
  partition.forget(delta.evictedCounts, delta.evicted);
  partition.assign({ ...delta, state: withState ? delta.state : undefined });
}

function pushMany(partition: EmbeddingPartition, from: number, perSlot: number): void {
  const many = Uint32Array.from({ length: 6 * perSlot }, (_, i) =>
    i % 2 === 0 ? from + ((i / 2) % perSlot) : 1,
  );
  const gradients = Float32Array.from({ length: 6 * perSlot }, (_, i) => (mix32(i) % 100) / 50 - 1);
  partition.push(Uint32Array.of(perSlot, perSlot, perSlot), 0, many, 0, gradients, 0, 1, 0);
}

describe('EmbeddingPartition', () => {
  test('batches are grouped by slot, and each method says how many floats it walked', () => {
    const partition = new EmbeddingPartition(5, specs);
    const before = new Float32Array(8).fill(99);
    expect(partition.pull(counts, 1, fids, 1, before, 1)).toBe(7);
    expect(partition.push(counts, 1, fids, 1, grads, 1, 1, 0)).toBe(7);
    expect(partition.rowCount).toBe(3);
    expect(partition.tables.map((table) => table.rowCount)).toEqual([2, 0, 1]);
    const after = new Float32Array(8).fill(99);
    partition.pull(counts, 1, fids, 1, after, 1);
    expect(after[0]).toBe(99);
    // First Adagrad step: the learning rate against the sign of the gradient.
    for (let i = 1; i < 8; i++) expect(after[i]).toBeCloseTo(before[i]! - 0.1, 5);
  });

  test('counts of too few slots are refused', () => {
    const partition = new EmbeddingPartition(5, specs);
    expect(() => partition.pull(counts, 2, fids, 1, new Float32Array(9), 0)).toThrow(
      'a count for each slot',
    );
  });

  test('a follower of its deltas has the same digest, in whatever pieces and order they came', () => {
    const owner = new EmbeddingPartition(5, specs);
    const follower = new EmbeddingPartition(5, specs);
    const backwards = new EmbeddingPartition(5, specs);
    pushMany(owner, 0, 200);
    pushMany(owner, 100, 50);
    const deltas: PartitionDelta[] = [];
    while (owner.touchedCount > 0) deltas.push(owner.takeDelta(64));
    expect(deltas.length).toBe(10);
    for (const delta of deltas) assignDelta(follower, delta);
    for (const delta of deltas.reverse()) assignDelta(backwards, delta);
    expect(follower.digest()).toBe(owner.digest());
    expect(backwards.digest()).toBe(owner.digest());
    expect(owner.takeDelta().fids.length).toBe(0);
    owner.verify();
    backwards.verify();
  });

  test('a serving follower without state agrees on weights only', () => {
    const owner = new EmbeddingPartition(5, specs);
    const serving = new EmbeddingPartition(5, specs);
    pushMany(owner, 0, 20);
    assignDelta(serving, owner.takeDelta(), false);
    expect(serving.digest(false)).toBe(owner.digest(false));
    expect(serving.digest()).not.toBe(owner.digest());
  });

  test('the digest sees one update more, one row less, and the slot of a row', () => {
    const a = new EmbeddingPartition(5, specs);
    const b = new EmbeddingPartition(5, specs);
    pushMany(a, 0, 20);
    pushMany(b, 0, 20);
    expect(a.digest()).toBe(b.digest());
    b.tables[1]!.push(Uint32Array.of(3, 1), 0, 1, Float32Array.of(0.001), 0, 1, 0);
    expect(a.digest()).not.toBe(b.digest());
    const digest = a.digest();
    a.tables[2]!.remove(Uint32Array.of(3, 1), 0, 1);
    expect(a.digest()).not.toBe(digest);
    expect(new EmbeddingPartition(5, specs).digest()).toBe('0000000000000000');
  });

  test('evictions travel before rows, in pieces too, and the follower forgets what the owner has', () => {
    const owner = new EmbeddingPartition(5, specs);
    const follower = new EmbeddingPartition(5, specs);
    pushMany(owner, 0, 100);
    assignDelta(follower, owner.takeDelta());
    for (const table of owner.tables) table.evict(30, 'lru');
    pushMany(owner, 0, 40);
    expect(owner.evictionCount).toBe(90);
    for (let parts = 0; owner.touchedCount + owner.evictedCount > 0; parts++) {
      const delta = owner.takeDelta(25);
      if (parts < 3) expect([delta.fids.length, delta.evicted.length]).toEqual([0, 50]);
      assignDelta(follower, delta);
    }
    expect(follower.digest()).toBe(owner.digest());
    follower.verify();
  });

  test('a capacity holds after every push, and the rows of that push stay', () => {
    const bytesMax = 60_000;
    const partition = new EmbeddingPartition(5, specs, { bytesMax, evict: 'lru' });
    for (let i = 0; i < 20; i++) {
      const many = Uint32Array.from({ length: 300 }, (_, k) => (k % 2 ? 1 : 1000 * i + k));
      const gradients = new Float32Array(300).fill(0.1);
      partition.push(Uint32Array.of(50, 50, 50), 0, many, 0, gradients, 0, i, 0);
      const bytes = partition.tables.reduce((sum, t) => sum + t.rowCount * t.rowBytes, 0);
      expect(bytes).toBeLessThanOrEqual(bytesMax);
    }
    expect(partition.evictionCount).toBeGreaterThan(1_000);
    const newest = partition.tables[0]!;
    expect(newest.updateCount(19_000, 1)).toBe(1);
    partition.verify();
  });

  test('sweeping goes through all slots, some rows at a time', () => {
    const expiring = specs.map((spec) => ({ ...spec, expireAfterSeconds: 10 }));
    const partition = new EmbeddingPartition(5, expiring);
    pushMany(partition, 0, 100);
    let expired = 0;
    for (let i = 0; i < 9; i++) expired += partition.sweep(1_000, 40);
    expect(expired).toBe(300);
    expect(partition.rowCount).toBe(0);
  });

  test('a walk in pages gives every row of every slot once, with its slot', () => {
    const partition = new EmbeddingPartition(5, specs);
    pushMany(partition, 0, 100);
    const copy = new EmbeddingPartition(5, specs);
    for (let cursor: number | undefined = 0; cursor !== undefined;) {
      const page = partition.rowsFrom(cursor, 33);
      const counts = new Uint32Array(3);
      counts[page.slotIndex] = page.count;
      copy.assign({ ...page, counts });
      cursor = page.nextCursor;
    }
    expect(copy.digest()).toBe(partition.digest());
    expect(new EmbeddingPartition(1, specs).rowsFrom(0, 9)).toMatchObject({ count: 0 });
  });

  test('a busy slot does not keep the others out of small deltas', () => {
    const partition = new EmbeddingPartition(5, specs);
    pushMany(partition, 0, 30);
    const seen = new Uint32Array(3);
    for (let i = 0; i < 3; i++) {
      partition.takeDelta(10).counts.forEach((count, s) => (seen[s]! += count));
      pushMany(partition, 0, 30);
    }
    expect([...seen]).toEqual([10, 10, 10]);
  });
});
