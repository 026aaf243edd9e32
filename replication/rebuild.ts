import { SnapshotReader } from '../core/embedding/snapshot/reader.js';
import type { SnapshotManifest } from '../messages/snapshots.js';
import type { FollowedSnapshots } from '../runtime/followers/follower.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';
import type { FollowRowsContext } from './follow-rows.js';
import { followRows } from './follow-rows.js';
import type { TrainedShape } from './trained-partition.js';
import { TrainedPartition } from './trained-partition.js';

export interface RebuildOptions {
  readonly context: FollowRowsContext;
  readonly store: FollowedSnapshots;
  readonly shape: TrainedShape;
}

/**
 * A partition as it was when the log ended at `sequence`: a follower that stops there.
 * @throws StarlingError CORRUPT when the log does not reach back as far.
 */
export async function rebuildPartition(
  partition: number,
  sequence: number,
  { context, store, shape }: RebuildOptions,
): Promise<TrainedPartition> {
  const target = new TrainedPartition(partition, shape);
  const follower = followRows(target, {
    context,
    store,
    shape,
    untilSequence: sequence,
    onError: () => undefined, // `start` throws it.
  });
  try {
    await follower.start();
  } finally {
    await follower.stop();
  }
  return target;
}

/** A partition as a snapshot has it, whatever the number of partitions was there; its ledger stays empty. */
export async function loadPartition(
  partition: number,
  manifest: SnapshotManifest,
  { store, shape }: { readonly store: Pick<SnapshotStore, 'get'>; readonly shape: TrainedShape },
): Promise<TrainedPartition> {
  const target = new TrainedPartition(partition, shape);
  const sameCount = manifest.partitionCount === shape.partitionCount;
  const keptSlots = shape.earlier?.get(manifest.specHash)?.keptSlots;
  for (const object of manifest.objects) {
    if (sameCount && object.partition !== partition) continue;
    const reader = new SnapshotReader(target.snapshotTarget(), keptSlots ? { keptSlots } : {});
    for await (const chunk of store.get(manifest.snapshot, object)) reader.accept(chunk);
    reader.finish();
  }
  return target;
}
