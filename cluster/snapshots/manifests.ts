import { codeOf, messageOf } from '../../core/base/errors.js';
import type { SnapshotManifest, SnapshotObject } from '../../messages/snapshots.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';

/** Of a snapshot, that are read while one record of the log is applied (docs/decisions/0013-recoveries-are-cheap.md). */
const rowsPerRecord = 70;

/** Newest first; what can't be read is told and left out. */
export async function readManifests<M>(
  store: Pick<SnapshotStore, 'list' | 'getManifest'>,
  decode: (bytes: Uint8Array) => M,
  log: (line: string) => void,
): Promise<M[]> {
  const manifests: M[] = [];
  for (const snapshot of await store.list()) {
    try {
      const bytes = await store.getManifest(snapshot);
      if (bytes) manifests.push(decode(bytes));
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

export interface Retention<M> {
  /** To be removed. */
  readonly gone: readonly M[];
  /** What a log has before may go; 0: all of it stays. */
  readonly beforeSequence: number;
}

/**
 * The newest snapshots stay, and what any of them needs of the log: the oldest need not be the one that goes back furthest, as
 * a leader that was deposed may end his after the next one's. As long as there are fewer than wanted, the log is all there is to
 * fall back on.
 *
 * @param needs the first record of the log that a follower of it may need.
 */
export function retentionOf<M>(
  newestFirst: readonly M[],
  keep: number,
  needs: (manifest: M) => number,
): Retention<M> {
  const kept = newestFirst.slice(0, keep);
  const beforeSequence = kept.length < keep ? 0 : Math.min(...kept.map(needs));
  return { gone: newestFirst.slice(keep), beforeSequence };
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
