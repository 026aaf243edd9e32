import type { Clock } from '../../core/base/clock.js';
import { servingSource } from '../../core/embedding/serving/serving-snapshot.js';
import type { SnapshotObject } from '../../messages/snapshots.js';
import { savePartition } from '../../replication/snapshot-writer.js';
import type { Pace } from '../../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';
import type { ServedPartition, ServedShape } from './served-partition.js';

export interface ServedTarget {
  readonly store: SnapshotStore;
  readonly snapshot: string;
  readonly pace: Pace;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** Writes the rows of partitions, one after the other, while they go on being followed. */
export async function saveServed(
  partitions: Iterable<ServedPartition>,
  { servingTables, partitionCount, of }: ServedShape,
  { store, snapshot, pace, clock }: ServedTarget,
): Promise<SnapshotObject[]> {
  const objects: SnapshotObject[] = [];
  for (const partition of partitions) {
    const object = await savePartition(store, snapshot, pace, {
      partition: partition.number,
      partitionCount,
      source: servingSource(partition.rows, servingTables),
      createdAtMs: clock.wallMs(),
      mark: partition.mark,
      model: of.name,
    });
    objects.push({ ...object, endSequence: partition.mark.sequence });
  }
  return objects;
}
