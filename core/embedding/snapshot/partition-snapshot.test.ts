import { describe, expect, test } from '@jest/globals';
import { partitionOf } from '../../base/fid.js';
import { mix32 } from '../../base/hash.js';
import type { TableSpec } from '../embedding-table.js';
import { EmbeddingPartition } from '../partition.js';
import { partitionSource, partitionTarget } from './partition-snapshot.js';
import { readSnapshot } from './read-snapshot.testkit.js';
import { header } from './snapshot-rows.testkit.js';
import { writeSnapshot } from './writer.js';

const specs: TableSpec[] = [
  {
    slot: 0,
    dim: 2,
    initializer: { kind: 'uniform', minimum: -1, maximum: 1 },
    optimizer: { kind: 'adagrad', learningRate: 0.1 },
    seed: 1,
  },
  {
    slot: 7,
    dim: 3,
    initializer: { kind: 'normal', stddev: 1 },
    optimizer: { kind: 'sgd', learningRate: 0.1 },
    seed: 1,
  },
];
const floats = specs.map(({ dim }) => dim);

/** Pushes keys from … from + count − 1 to each slot of the partitions that they hash to. */
function pushKeys(
  partitions: readonly EmbeddingPartition[],
  from: number,
  count: number,
  atSeconds: number,
): void {
  for (let i = from; i < from + count; i++) {
    const fid = Uint32Array.of(mix32(i), i);
    const { tables } = partitions[partitionOf(fid[0]!, fid[1]!, partitions.length)]!;
    for (const [s, table] of tables.entries()) {
      const gradient = new Float32Array(floats[s]!).fill((i % 7) - 3);
      table.push(fid, 0, 1, gradient, 0, atSeconds + (i % 5), 0);
    }
  }
}

function removeKeys(partition: EmbeddingPartition, keys: readonly number[]): void {
  for (const i of keys) {
    for (const table of partition.tables) table.remove(Uint32Array.of(mix32(i), i), 0, 1);
  }
}

const partitionsOf = (count: number, tableSpecs = specs) =>
  Array.from({ length: count }, (_unused, p) => new EmbeddingPartition(p, tableSpecs));

function* chunksOf(partition: EmbeddingPartition, chunkBytesMax = 2048) {
  yield* writeSnapshot(partitionSource(partition, specs), header, { chunkBytesMax });
}

/** Time and number of updates of each key in each slot. */
function factsOf(partitions: readonly EmbeddingPartition[], keys: number): unknown[] {
  return Array.from({ length: keys }, (_unused, i) => {
    const { tables } = partitions[partitionOf(mix32(i), i, partitions.length)]!;
    return tables.map((table) => [
      table.updatedAtSeconds(mix32(i), i),
      table.updateCount(mix32(i), i),
    ]);
  });
}

describe('snapshots of partitions', () => {
  test('come back with the same digest, times and numbers of updates', () => {
    const owner = partitionsOf(1);
    pushKeys(owner, 0, 700, 1000);
    pushKeys(owner, 300, 100, 2000);
    const loaded = partitionsOf(1);
    const summary = readSnapshot(chunksOf(owner[0]!), partitionTarget(loaded, specs, 1));
    expect(summary.rowsAssigned).toBe(1400);
    expect(loaded[0]!.digest()).toBe(owner[0]!.digest());
    expect(factsOf(loaded, 700)).toEqual(factsOf(owner, 700));
    expect(loaded[0]!.touchedCount).toBe(0);
    loaded[0]!.verify();
  });

  test('load into a shard that has learned, and put the rows of the snapshot in their place', () => {
    const owner = partitionsOf(1);
    pushKeys(owner, 0, 50, 1000);
    const other = partitionsOf(1);
    pushKeys(other, 20, 30, 9000);
    readSnapshot(chunksOf(owner[0]!), partitionTarget(other, specs, 1));
    expect(other[0]!.digest()).toBe(owner[0]!.digest());
    expect(factsOf(other, 50)).toEqual(factsOf(owner, 50));
  });

  test('taken while pushes and evictions go on, with the deltas since, are the owner', () => {
    const [owner] = partitionsOf(1) as [EmbeddingPartition];
    pushKeys([owner], 0, 500, 1000);
    owner.takeDelta();
    const chunks: Uint8Array[] = [];
    let round = 0;
    for (const chunk of chunksOf(owner)) {
      chunks.push(chunk);
      removeKeys(owner, [(37 * round) % 500, (91 * round) % 500]);
      pushKeys([owner], (53 * round) % 600, 5, 2000 + round);
      round++;
    }
    expect(round).toBeGreaterThan(8);
    const [follower] = partitionsOf(1) as [EmbeddingPartition];
    readSnapshot(chunks, partitionTarget([follower], specs, 1));
    expect(follower.digest()).not.toBe(owner.digest());
    const delta = owner.takeDelta();
    expect(delta.evicted.length).toBeGreaterThan(16);
    follower.forget(delta.evictedCounts, delta.evicted);
    follower.assign(delta);
    expect(follower.digest()).toBe(owner.digest());
    follower.verify();
  });

  test('of 3 partitions load into 5, each row where its fid hashes to, and none twice', () => {
    const owners = partitionsOf(3);
    pushKeys(owners, 0, 600, 1000);
    const targets = partitionsOf(5);
    let rowsAssigned = 0;
    for (const owner of owners) {
      rowsAssigned += readSnapshot(
        chunksOf(owner),
        partitionTarget(targets, specs, 5),
      ).rowsAssigned;
    }
    expect(rowsAssigned).toBe(1200);
    const expected = partitionsOf(5);
    pushKeys(expected, 0, 600, 1000);
    expect(targets.map((each) => each.digest())).toEqual(expected.map((each) => each.digest()));
    expect(factsOf(targets, 600)).toEqual(factsOf(owners, 600));
  });

  test('load into some of the partitions, and count what belongs to others', () => {
    const owner = partitionsOf(1);
    pushKeys(owner, 0, 400, 1000);
    const targets = partitionsOf(4);
    const summary = readSnapshot(
      chunksOf(owner[0]!),
      partitionTarget([targets[2]!, targets[1]!], specs, 4),
    );
    expect(summary.rowsAssigned).toBe(targets[1]!.rowCount + targets[2]!.rowCount);
    expect(summary.rowsElsewhere).toBe(800 - summary.rowsAssigned);
    expect(targets[1]!.rowCount).toBeGreaterThan(100);
    expect(targets[0]!.rowCount + targets[3]!.rowCount).toBe(0);
  });

  test('load into another optimizer with weights as they were and a fresh state', () => {
    const owner = partitionsOf(1);
    pushKeys(owner, 0, 50, 1000);
    const other: TableSpec[] = [
      specs[0]!,
      { ...specs[1]!, optimizer: { kind: 'adagrad', learningRate: 1, initialAccumulator: 0.5 } },
    ];
    const [loaded] = partitionsOf(1, other) as [EmbeddingPartition];
    const target = partitionTarget([loaded], other, 1);
    expect(() => readSnapshot(chunksOf(owner[0]!), target)).toThrow('slot 7: rows learned by sgd');
    const summary = readSnapshot(chunksOf(owner[0]!), target, { optimizerChange: 'reset-state' });
    expect(summary.rowsReset).toBe(50);
    expect(loaded.digest(false)).toBe(owner[0]!.digest(false));
    expect([...loaded.tables[1]!.rowsFrom(0, 50).state]).toEqual(new Array(150).fill(0.5));
  });

  test('the same optimizer with other settings keeps its state', () => {
    const owner = partitionsOf(1);
    pushKeys(owner, 0, 50, 1000);
    const other: TableSpec[] = [
      { ...specs[0]!, optimizer: { kind: 'adagrad', learningRate: 9, epsilon: 1e-3 } },
      specs[1]!,
    ];
    const [loaded] = partitionsOf(1, other) as [EmbeddingPartition];
    readSnapshot(chunksOf(owner[0]!), partitionTarget([loaded], other, 1));
    expect(loaded.digest()).toBe(owner[0]!.digest());
  });
});
