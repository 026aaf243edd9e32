import { describe, expect, test } from '@jest/globals';
import { noProgress } from '../messages/progress-marks.js';
import { TrailReader, TrailWriter } from '../messages/trail.js';
import type { Trail } from '../messages/trail.js';
import { TrainedPartition } from './trained-partition.js';
import { deltaOf, markOf, oneSlot, rowOf } from './trained-rows.testkit.js';

const pushOf = (batches: number[], atSeconds = 7, trail?: Trail) => ({
  batches: Float64Array.from(batches),
  atSeconds,
  trail,
});

/** Of one batch that settles so many impressions. */
function trailOf(batch: number, resolved: number): Trail | undefined {
  const writer = new TrailWriter();
  writer.add(batch, { resolved, acceptedAtMs: new Float64Array(0), progress: noProgress });
  return writer.take();
}

describe('the ledger of a partition', () => {
  test('knows whether all batches of a push are in, none, or some', () => {
    const partition = new TrainedPartition(0, oneSlot);
    partition.enter(pushOf([3, 4]), 0);
    expect(partition.standing(Float64Array.of(3, 4))).toBe('all');
    expect(partition.standing(Float64Array.of(5))).toBe('none');
    expect(partition.standing(Float64Array.of(4, 5))).toBe('some');
  });

  test('keeps the newest event time, whatever order pushes come in', () => {
    const partition = new TrainedPartition(0, oneSlot);
    partition.enter(pushOf([1], 20), 0);
    partition.enter(pushOf([2], 10), 0);
    expect(partition.atSeconds).toBe(20);
  });

  test('counts settled impressions in partition 0 alone, as every batch comes to each', () => {
    const [first, second] = [0, 1].map((number) => new TrainedPartition(number, oneSlot));
    for (const partition of [first!, second!]) {
      partition.enter(pushOf([1], 1, trailOf(1, 5)), 0);
      partition.enter(pushOf([2], 1, trailOf(2, 6)), 0);
    }
    expect([first!.resolved, second!.resolved]).toEqual([11, 0]);
    const told = [...new TrailReader(first!.takeNews().trail!)];
    expect(told.map(({ batch, resolved }) => [batch, resolved])).toEqual([
      [1, 5],
      [2, 6],
    ]);
    expect(second!.takeNews().trail).toBeUndefined();
  });

  test('tells news once', () => {
    const partition = new TrainedPartition(0, oneSlot);
    partition.enter(pushOf([1], 1, trailOf(1, 5)), 7);
    partition.enter(pushOf([2], 1, trailOf(2, 5)), 8);
    expect(partition.takeNews().appliedAtMs).toBe(7);
    expect(partition.takeNews()).toEqual({ trail: undefined, appliedAtMs: 0 });
  });
});

describe('a partition that follows', () => {
  test('has the rows of a delta, and its ledger in place of its own', () => {
    const partition = new TrainedPartition(0, oneSlot);
    partition.apply([deltaOf(1), deltaOf(2)]);
    expect([rowOf(partition, 1), rowOf(partition, 2)]).toEqual([
      [1, -1],
      [2, -2],
    ]);
    expect([partition.applied.watermark, partition.resolved, partition.atSeconds]).toEqual([
      2, 2, 100,
    ]);
  });

  test('forgets what was evicted before it takes what was set', () => {
    const partition = new TrainedPartition(0, oneSlot);
    partition.apply([deltaOf(1)]);
    const gone = { evictedCounts: Uint32Array.of(2), evicted: Uint32Array.of(1, 0, 2, 0) };
    partition.apply([deltaOf(2, gone)]);
    expect([rowOf(partition, 1), rowOf(partition, 2)]).toEqual([
      [0, 0],
      [2, -2],
    ]);
    expect(partition.rows.rowCount).toBe(1);
  });

  test('is nothing after a reset, and what a snapshot says after it was restored', () => {
    const partition = new TrainedPartition(0, oneSlot);
    partition.apply([deltaOf(3)]);
    const mark = markOf(partition, { epoch: 1, deltaNumber: 3, sequence: 9 });
    partition.reset();
    expect([partition.rows.rowCount, partition.applied.count, partition.resolved]).toEqual([
      0, 0, 0,
    ]);
    partition.restored(mark);
    expect([partition.applied.watermark, partition.resolved, partition.atSeconds]).toEqual([
      3, 3, 100,
    ]);
  });
});
