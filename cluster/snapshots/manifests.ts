import { codeOf, messageOf } from '../../core/base/errors.js';
import type { SnapshotManifest, SnapshotObject } from '../../messages/snapshots.js';
import { decodeManifest } from '../../messages/snapshots.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';

/** Of a snapshot, that are read while one record of the log is applied (docs/decisions/0013-recoveries-are-cheap.md). */
const rowsPerRecord = 70;

/** Newest first; what can't be read is told and left out. */
export async function readManifests(
  store: SnapshotStore,
  log: (line: string) => void,
): Promise<SnapshotManifest[]> {
  const manifests: SnapshotManifest[] = [];
  for (const snapshot of await store.list()) {
    try {
      const bytes = await store.getManifest(snapshot);
      if (bytes) manifests.push(decodeManifest(bytes));
    } catch (error) {
      log(`snapshot ${snapshot} can't be read: ${codeOf(error)}: ${messageOf(error)}`);
    }
  }
  return manifests;
}

/** The first record of the log that a follower of this snapshot may need. */
export function firstNeeded({ objects }: Pick<SnapshotManifest, 'objects'>): number {
  return Math.min(...objects.map(({ startSequence }) => startSequence));
}

/** With the log from here on, the snapshot is exact; it is no state before. */
export function exactFrom({ objects }: Pick<SnapshotManifest, 'objects'>): number {
  return Math.max(0, ...objects.map(({ endSequence }) => endSequence));
}

/**
 * With more records than these behind the newest snapshot the next one is due. Who recovers reads a snapshot anyway:
 * before the log takes as long, a new one would gain little.
 */
export function recordsWorthASnapshot(
  newest: { readonly objects: readonly Pick<SnapshotObject, 'rows'>[] } | undefined,
  recordsMin: number,
): number {
  const rows = newest?.objects.reduce((sum, object) => sum + object.rows, 0) ?? 0;
  return Math.max(recordsMin, rows / rowsPerRecord);
}
