import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../runtime/system.js';
import { pino } from 'pino';
import { partitionSource } from '../core/embedding/snapshot/partition-snapshot.js';
import { encodeManifest } from '../messages/snapshots.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import { followRows } from './follow-rows.js';
import { MemoryLog } from '../runtime/followers/memory-log.testkit.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { objectName, savePartition } from './snapshot-writer.js';
import { TrainedPartition } from './trained-partition.js';
import { deltaOf, markOf, oneSlot, writeDeltas } from './trained-rows.testkit.js';

/** Many rows, so that there are several chunks. */
function manyRows(count: number): TrainedPartition {
  const partition = new TrainedPartition(0, oneSlot);
  const fids = Uint32Array.from({ length: 2 * count }, (_unused, i) =>
    i % 2 === 0 ? 1_000 + i : 0,
  );
  const filled = {
    counts: Uint32Array.of(count),
    fids,
    weights: new Float32Array(2 * count).fill(0.5),
    updatedAt: new Uint32Array(count).fill(1),
    updateCounts: new Uint32Array(count).fill(1),
  };
  partition.apply([deltaOf(1, filled)]);
  return partition;
}

describe('a snapshot of a partition', () => {
  test('says what it has and from where on the log is needed', async () => {
    const store = new MemorySnapshots();
    const partition = manyRows(3);
    const mark = markOf(partition, { epoch: 4, deltaNumber: 1, sequence: 17 });
    const source = partitionSource(partition.rows, oneSlot.tables);
    const saved = await savePartition(store, 's', new Pace(systemClock, 1e9), {
      createdAtMs: 0,
      partition: 0,
      partitionCount: 1,
      source,
      mark,
    });
    expect(saved).toMatchObject({ name: objectName(0), partition: 0, rows: 3, startSequence: 17 });
  });

  test('taken while rows change is exact once the log from its mark on was read', async () => {
    const log = new MemoryLog();
    const store = new MemorySnapshots();
    const partition = manyRows(40_000);
    const place = { epoch: 1, deltaNumber: 1, sequence: 0 };
    const mark = markOf(partition, place);
    let chunks = 0;
    // Between two chunks pushes go on, and what they change is in the log.
    class Interrupted extends Pace {
      override async after(): Promise<void> {
        const number = ++chunks + 1;
        await writeDeltas(log, number);
        partition.apply([deltaOf(number)]);
      }
    }
    const saved = await savePartition(store, 's', new Interrupted(systemClock, 1e9), {
      createdAtMs: 0,
      partition: 0,
      partitionCount: 1,
      source: partitionSource(partition.rows, oneSlot.tables),
      mark,
    });
    expect(chunks).toBeGreaterThan(2);
    const head = {
      snapshot: 's',
      createdAtMs: 1,
      specHash: oneSlot.hash,
      partitionCount: 1,
      slots: [],
    };
    const objects = [{ ...saved, endSequence: log.sequence }];
    await store.putManifest('s', encodeManifest({ ...head, objects }));

    const target = new TrainedPartition(0, oneSlot);
    const follower = followRows(target, {
      context: { bus: log, log: pino({ level: 'silent' }) },
      store,
      shape: oneSlot,
      onError: (error) => {
        throw error;
      },
    });
    await follower.start();
    expect(target.rows.digest()).toBe(partition.rows.digest());
    await follower.stop();
  });
});
