import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { parseRows } from '../messages/deltas.js';
import type { SnapshotMark } from '../messages/snapshots.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { PartitionFold } from './partition-fold.js';
import { TrainedPartition } from './trained-partition.js';
import { deltaOf, oneSlot, takeSnapshot } from './trained-rows.testkit.js';

/** Sequences are of a log: those of training say nothing of the copy of it in another data center. */
test.each([
  ['of its own log goes on behind what it has', false, 5_930],
  ['of another log begins its own from the beginning, and says so to who saves it', true, 0],
])('a partition that is loaded from a snapshot %s', async (_how, isElsewhere, sequence) => {
  const store = new MemorySnapshots();
  const saved = new TrainedPartition(0, oneSlot);
  saved.apply([deltaOf(1)]);
  await takeSnapshot(store, 's', saved, { epoch: 2, deltaNumber: 1, sequence: 5_930 });
  const target = new TrainedPartition(0, oneSlot);
  let mark: SnapshotMark | undefined;
  const fold = new PartitionFold({
    partition: 0,
    parse: (value) => parseRows(value, oneSlot.tables),
    specHash: oneSlot.hash,
    target: {
      reset: () => target.reset(),
      snapshotTarget: () => target.snapshotTarget(),
      restored: (found) => void (mark = found),
      apply: () => undefined,
    },
    log: pino({ level: 'silent' }),
  });
  const manifest = (await store.getManifest('s'))!;
  const chunks = (object: Parameters<MemorySnapshots['get']>[1]) => store.get('s', object);
  expect(await fold.load({ snapshot: 's', manifest, isElsewhere, chunks })).toBe(sequence);
  expect(mark).toMatchObject({ epoch: 2, deltaNumber: 1, sequence });
  expect(fold.position).toEqual({ epoch: 2, deltaNumber: 1 });
  expect(target.rows.digest()).toBe(saved.rows.digest());
});
