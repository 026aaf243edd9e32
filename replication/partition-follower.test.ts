import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { encode } from '../messages/codec.js';
import { subject } from '../messages/default-names.testkit.js';
import { mainModel } from '../messages/model-name.js';
import { followRows } from './follow-rows.js';
import { MemoryLog } from '../runtime/followers/memory-log.testkit.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { objectName } from './snapshot-writer.js';
import { TrainedPartition } from './trained-partition.js';
import {
  deltaOf,
  oneSlot,
  rowOf,
  takeSnapshot,
  writeDelta,
  writeDeltas,
} from './trained-rows.testkit.js';

/** A log, its snapshots, and a follower that has not begun. */
function world({ untilSequence = Infinity } = {}) {
  const log = new MemoryLog();
  const store = new MemorySnapshots();
  const errors: unknown[] = [];
  const followerOf = () => {
    const target = new TrainedPartition(0, oneSlot);
    const follower = followRows(target, {
      context: { bus: log, log: pino({ level: 'silent' }) },
      store,
      shape: oneSlot,
      untilSequence,
      onError: (error) => errors.push(error),
    });
    return { target, follower };
  };
  return { log, store, errors, followerOf };
}

/** Rows as a partition would have them that has seen these deltas. */
function digestOf(...numbers: number[]): string {
  const partition = new TrainedPartition(0, oneSlot);
  for (const number of numbers) partition.apply([deltaOf(number)]);
  return partition.rows.digest();
}

describe('a follower of a partition', () => {
  test('has all that is in the log when it has started, and what comes later when it has caught up', async () => {
    const { log, errors, followerOf } = world();
    await writeDeltas(log, 1, 2);
    const { target, follower } = followerOf();
    await follower.start();
    expect(target.rows.digest()).toBe(digestOf(1, 2));
    const [, end] = await writeDeltas(log, 3, 4);
    expect(await follower.catchUp()).toBe(end);
    expect(target.rows.digest()).toBe(digestOf(1, 2, 3, 4));
    expect(follower.position).toEqual({ epoch: 1, deltaNumber: 4 });
    expect(errors).toEqual([]);
  });

  test('of an empty log has caught up at once', async () => {
    const { follower } = world().followerOf();
    await follower.start();
    expect(await follower.catchUp()).toBe(0);
  });

  test('takes a record that comes twice for one', async () => {
    const { log, followerOf } = world();
    await writeDeltas(log, 1, 2, 2, 1, 3);
    const { target, follower } = followerOf();
    await follower.start();
    expect(follower.stats).toEqual({ deltas: 3, resyncs: 0, badMessages: 0 });
    expect(target.rows.digest()).toBe(digestOf(1, 2, 3));
  });

  test('takes nothing of an owner that was fenced, neither a whole delta nor one that it left unfinished', async () => {
    const { log, followerOf } = world();
    await writeDeltas(log, 1);
    await writeDelta(log, deltaOf(2, { last: false, weights: Float32Array.of(77, 77) }));
    await writeDelta(log, deltaOf(2, { epoch: 2 }));
    await writeDelta(log, deltaOf(3, { epoch: 1, weights: Float32Array.of(77, 77) }));
    await writeDelta(log, deltaOf(3, { epoch: 2 }));
    const { target, follower } = followerOf();
    await follower.start();
    expect([rowOf(target, 2), rowOf(target, 3)]).toEqual([
      [2, -2],
      [3, -3],
    ]);
    expect(follower.position).toEqual({ epoch: 2, deltaNumber: 3 });
    expect(follower.stats.resyncs).toBe(0);
  });

  test('shows the parts of a delta together or not at all', async () => {
    const { log, followerOf } = world();
    await writeDeltas(log, 1);
    await writeDelta(log, deltaOf(2, { last: false }));
    const { target, follower } = followerOf();
    await follower.start();
    await follower.catchUp();
    expect(rowOf(target, 2)).toEqual([0, 0]);
    await writeDelta(log, deltaOf(2, { part: 1, fids: Uint32Array.of(9, 0) }));
    await follower.catchUp();
    expect([rowOf(target, 2), rowOf(target, 9)]).toEqual([
      [2, -2],
      [2, -2],
    ]);
  });

  test('that was stopped takes no more', async () => {
    const { log, followerOf } = world();
    await writeDeltas(log, 1);
    const { target, follower } = followerOf();
    await follower.start();
    await follower.stop();
    await writeDeltas(log, 2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(target.rows.digest()).toBe(digestOf(1));
  });

  test('stops at a sequence, for time travel', async () => {
    const { log, followerOf } = world({ untilSequence: 2 });
    await writeDeltas(log, 1, 2, 3);
    const { target, follower } = followerOf();
    await follower.start();
    expect(target.rows.digest()).toBe(digestOf(1, 2));
  });

  test('passes over what is no delta, and counts it', async () => {
    const { log, followerOf } = world();
    await writeDeltas(log, 1);
    await log.append(subject.deltaRows(mainModel, 0), Uint8Array.of(0xff, 0, 1));
    await log.append(subject.deltaRows(mainModel, 0), encode({ v: 1, deltaNumber: 'two' }));
    await writeDeltas(log, 2);
    const { target, follower } = followerOf();
    await follower.start();
    expect(target.rows.digest()).toBe(digestOf(1, 2));
    expect(follower.stats).toEqual({ deltas: 2, resyncs: 0, badMessages: 2 });
  });

  test('does not follow deltas of another specification', async () => {
    const { log, errors, followerOf } = world();
    await writeDelta(log, deltaOf(1, { specHash: 'other' }));
    const { target, follower } = followerOf();
    await follower.start();
    expect(errors).toMatchObject([{ code: 'SPEC_MISMATCH' }]);
    expect(target.rows.rowCount).toBe(0);
  });
});

describe('a follower with snapshots', () => {
  /** Five deltas and a snapshot at each of `at`. */
  async function snapshotsAt(...at: number[]) {
    const made = world();
    const { log, store } = made;
    const partition = new TrainedPartition(0, oneSlot);
    for (const number of [1, 2, 3, 4, 5]) {
      const [sequence] = await writeDeltas(log, number);
      partition.apply([deltaOf(number)]);
      const place = { epoch: 1, deltaNumber: number, sequence: sequence! };
      if (at.includes(number)) await takeSnapshot(store, `s${number}`, partition, place);
    }
    return made;
  }

  test('reads the newest one and the log behind it, and no more', async () => {
    const { log, errors, followerOf } = await snapshotsAt(2, 4);
    log.trim(5);
    const { target, follower } = followerOf();
    await follower.start();
    expect(target.rows.digest()).toBe(digestOf(1, 2, 3, 4, 5));
    expect(target.applied.watermark).toBe(5);
    expect(follower.stats.deltas).toBe(1);
    expect(errors).toEqual([]);
  });

  test('takes the one before where one can not be read, and reads more of the log', async () => {
    const { store, followerOf } = await snapshotsAt(2, 4);
    store.damage('s4', objectName(0));
    const { target, follower } = followerOf();
    await follower.start();
    expect(target.rows.digest()).toBe(digestOf(1, 2, 3, 4, 5));
    expect(follower.stats.deltas).toBe(3);
  });

  test('reads all of the log where none can be read', async () => {
    const { store, followerOf } = await snapshotsAt(2, 4);
    store.damage('s2', objectName(0));
    await store.putManifest('s4', Uint8Array.of(0xff));
    const { target, follower } = followerOf();
    await follower.start();
    expect(target.rows.digest()).toBe(digestOf(1, 2, 3, 4, 5));
    expect(follower.stats.deltas).toBe(5);
  });

  test('says so when the log was trimmed behind the only snapshot that can be read', async () => {
    const { log, store, errors, followerOf } = await snapshotsAt(2, 4);
    store.damage('s4', objectName(0));
    log.trim(5);
    const { follower } = followerOf();
    await expect(follower.start()).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(errors).toHaveLength(1);
  });

  test('mends a record that it has missed from a snapshot that has it', async () => {
    const { log, store, errors, followerOf } = world();
    await writeDeltas(log, 1);
    const { target, follower } = followerOf();
    await follower.start();
    const whole = new TrainedPartition(0, oneSlot);
    for (const number of [1, 2]) whole.apply([deltaOf(number)]);
    await takeSnapshot(store, 's2', whole, { epoch: 1, deltaNumber: 2, sequence: 1 });
    await writeDeltas(log, 3);
    await follower.catchUp();
    expect(target.rows.digest()).toBe(digestOf(1, 2, 3));
    expect(follower.stats.resyncs).toBe(1);
    expect(errors).toEqual([]);
  });

  test('says so when a record is missing that no snapshot has, and shows nothing after it', async () => {
    const { log, errors, followerOf } = world();
    await writeDeltas(log, 1, 2, 3, 4);
    log.lose(3);
    const { target, follower } = followerOf();
    await expect(follower.start()).rejects.toMatchObject({
      code: 'CORRUPT',
      details: { partition: 0, after: 2 },
    });
    expect(rowOf(target, 4)).toEqual([0, 0]);
    expect(errors).toHaveLength(1);
  });

  test('does not begin from one of another specification', async () => {
    const { log, store, followerOf } = world();
    await writeDeltas(log, 1);
    const partition = new TrainedPartition(0, oneSlot);
    const place = { epoch: 1, deltaNumber: 1, sequence: 1 };
    await takeSnapshot(store, 's1', partition, place, { specHash: 'other' });
    const { follower } = followerOf();
    await expect(follower.start()).rejects.toMatchObject({ code: 'SPEC_MISMATCH' });
  });
});
