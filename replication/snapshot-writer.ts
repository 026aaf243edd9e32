import type { SnapshotSource } from '../core/embedding/snapshot/rows.js';
import { writeSnapshot } from '../core/embedding/snapshot/writer.js';
import type { SnapshotMark, SnapshotObject } from '../messages/snapshots.js';
import { encodeMark } from '../messages/snapshots.js';
import type { Pace } from '../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';

/**
 * Large enough that a chunk is worth its message, small enough that making one (a quarter of a millisecond) is no
 * pause for the pulls between two of them.
 */
const chunkBytesMax = 256 * 1024;

export interface PartitionToSave {
  readonly partition: number;
  readonly partitionCount: number;
  readonly source: SnapshotSource;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** What is in the log when the first chunk is made. */
  readonly mark: SnapshotMark;
  /** Left out: `main`. */
  readonly model?: string | undefined;
}

/** Writes the rows of one partition while they change; the log from the mark on makes the copy exact. */
export async function savePartition(
  store: Pick<SnapshotStore, 'put'>,
  snapshot: string,
  pace: Pace,
  { partition, partitionCount, source, createdAtMs, mark, model }: PartitionToSave,
): Promise<Omit<SnapshotObject, 'endSequence'>> {
  const name = objectName(partition);
  const header = {
    createdAtMs,
    firstPartition: partition,
    partitionEnd: partition + 1,
    partitionCount,
    metadata: encodeMark(mark, model),
  };
  let rows = 0;
  function* chunks(): Generator<Uint8Array> {
    const { rowCounts } = yield* writeSnapshot(source, header, { chunkBytesMax });
    rows = rowCounts.reduce((sum, count) => sum + count, 0);
  }
  const stored = await store.put(snapshot, name, chunks(), pace);
  return { ...stored, kind: 'rows', partition, rows, startSequence: mark.sequence };
}

export function objectName(partition: number): string {
  return `partition-${partition}`;
}
