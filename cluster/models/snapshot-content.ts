import { StarlingError } from '../../core/base/errors.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import { chunkBytesLimit, openChunk } from '../../core/embedding/snapshot/format.js';
import { readHeader } from '../../core/embedding/snapshot/header.js';
import { decodeManifest, decodeMark, type SnapshotManifest } from '../../messages/snapshots.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';

/** What rows of a snapshot know. */
export interface SnapshotContent {
  /** Batches of SAMPLES that some partition has; 0: it was not learned from SAMPLES. */
  readonly appliedThrough: number;
  /** The newest event that it was learned from, since 1970. */
  readonly throughMs: number;
}

/** @throws StarlingError BAD_REQUEST where there is no such snapshot, CORRUPT where it can't be read. */
export async function contentOf(
  store: Pick<SnapshotStore, 'get' | 'getManifest'>,
  snapshot: string,
): Promise<SnapshotContent> {
  const bytes = await store.getManifest(snapshot);
  if (!bytes) {
    const text = `there is no snapshot ${snapshot}.`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'from' });
  }
  const manifest = decodeManifest(bytes);
  const content = { appliedThrough: 0, throughMs: 0 };
  for (const object of manifest.objects) {
    const mark = await markOf(store, manifest, object);
    const { watermark, intervals } = IntervalSet.decode(mark.applied);
    const applied = intervals.at(-1)?.end ?? watermark;
    content.appliedThrough = Math.max(content.appliedThrough, applied);
    content.throughMs = Math.max(content.throughMs, Math.round(1_000 * mark.atSeconds));
  }
  return content;
}

/** By its first chunk: the rows are not read. */
async function markOf(
  store: Pick<SnapshotStore, 'get'>,
  { snapshot }: SnapshotManifest,
  object: SnapshotManifest['objects'][number],
) {
  for await (const chunk of store.get(snapshot, object)) {
    openChunk(chunk, 0, chunkBytesLimit);
    return decodeMark(new Uint8Array(readHeader(chunk).metadata));
  }
  throw new StarlingError('CORRUPT', `snapshot ${snapshot}: ${object.name} has no chunk.`);
}
