import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../runtime/system.js';
import { pino } from 'pino';
import { partitionSource } from '../core/embedding/snapshot/partition-snapshot.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import { MemoryLog } from '../runtime/followers/memory-log.testkit.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { loadPartition, rebuildPartition } from './rebuild.js';
import { savePartition } from './snapshot-writer.js';
import { TrainedPartition } from './trained-partition.js';
import {
  deltaOf,
  markOf,
  oneSlot,
  rowOf,
  takeSnapshot,
  writeDeltas,
} from './trained-rows.testkit.js';

const shape = oneSlot;

function world() {
  const log = new MemoryLog();
  const store = new MemorySnapshots();
  const context = { bus: log, log: pino({ level: 'silent' }) };
  return {
    log,
    store,
    rebuild: (sequence: number) => rebuildPartition(0, sequence, { context, store, shape }),
  };
}

function partitionOf(...numbers: number[]): TrainedPartition {
  const partition = new TrainedPartition(0, shape);
  for (const number of numbers) partition.apply([deltaOf(number)]);
  return partition;
}

describe('a partition as it was', () => {
  test('at a sequence has what was in the log by then', async () => {
    const { log, rebuild } = world();
    const sequences = await writeDeltas(log, 1, 2, 3);
    const rebuilt = await rebuild(sequences[1]!);
    expect(rebuilt.rows.digest()).toBe(partitionOf(1, 2).rows.digest());
    expect(rebuilt.applied.watermark).toBe(2);
  });

  test('is not made from a snapshot that is newer', async () => {
    const { log, store, rebuild } = world();
    const sequences = await writeDeltas(log, 1, 2, 3);
    const [first, , third] = sequences;
    await takeSnapshot(store, 's1', partitionOf(1), { epoch: 1, deltaNumber: 1, sequence: first! });
    const place = { epoch: 1, deltaNumber: 3, sequence: third! };
    await takeSnapshot(store, 's3', partitionOf(1, 2, 3), place);
    log.trim(sequences[1]!);
    const rebuilt = await rebuild(sequences[1]!);
    expect(rebuilt.rows.digest()).toBe(partitionOf(1, 2).rows.digest());
  });

  test('can not be had when the log does not reach back as far', async () => {
    const { log, rebuild } = world();
    const sequences = await writeDeltas(log, 1, 2, 3);
    log.trim(sequences[1]!);
    await expect(rebuild(sequences[2]!)).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});

describe('a partition of a snapshot', () => {
  /** A snapshot of a cluster of two partitions. */
  async function ofTwo() {
    const store = new MemorySnapshots();
    const two = { ...shape, partitionCount: 2 };
    const objects = [];
    for (const number of [0, 1]) {
      const partition = new TrainedPartition(number, two);
      // Which keys are in which partition is a matter of their hash: a few will be in each.
      for (let key = 1; key <= 20; key++) partition.apply([deltaOf(key)]);
      const saved = await savePartition(store, 's', new Pace(systemClock, 1e9), {
        createdAtMs: 0,
        partition: number,
        partitionCount: 2,
        source: partitionSource(partition.rows, shape.tables),
        mark: markOf(partition, { epoch: 1, deltaNumber: 20, sequence: 20 }),
      });
      objects.push({ ...saved, endSequence: 20 });
    }
    const head = {
      snapshot: 's',
      createdAtMs: 1,
      specHash: shape.hash,
      partitionCount: 2,
      slots: [],
    };
    return { store, manifest: { ...head, objects }, two };
  }

  test('comes from its own object where the number of partitions is the same', async () => {
    const { store, manifest, two } = await ofTwo();
    const read: string[] = [];
    const spied = {
      get: (...[snapshot, object]: Parameters<MemorySnapshots['get']>) => {
        read.push(object.name);
        return store.get(snapshot, object);
      },
    };
    await loadPartition(1, manifest, { store: spied, shape: two });
    expect(read).toEqual(['partition-1']);
  });

  test('comes from all of them where it is another, and its ledger stays empty', async () => {
    const { store, manifest } = await ofTwo();
    const loaded = await loadPartition(0, manifest, { store, shape });
    for (let key = 1; key <= 20; key++) expect(rowOf(loaded, key)).toEqual([key, -key]);
    expect(loaded.applied.count).toBe(0);
  });
});
