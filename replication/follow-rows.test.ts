import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { followRows } from './follow-rows.js';
import { MemoryLog } from '../runtime/followers/memory-log.testkit.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { TrainedPartition } from './trained-partition.js';
import { deltaOf, oneSlot, rowOf, writeDelta } from './trained-rows.testkit.js';

test('rows are followed of one partition, and of the width that this actor has', async () => {
  const log = new MemoryLog();
  await writeDelta(log, deltaOf(1, { partition: 1, weights: Float32Array.of(7, 7) }));
  await writeDelta(log, deltaOf(1, { weights: Float32Array.of(7) }));
  await writeDelta(log, deltaOf(1));
  const target = new TrainedPartition(0, oneSlot);
  const follower = followRows(target, {
    context: { bus: log, log: pino({ level: 'silent' }) },
    store: new MemorySnapshots(),
    shape: oneSlot,
    onError: (error) => {
      throw error;
    },
  });
  await follower.start();
  expect(rowOf(target, 1)).toEqual([1, -1]);
  expect(follower.stats).toEqual({ deltas: 1, resyncs: 0, badMessages: 1 });
  await follower.stop();
});
