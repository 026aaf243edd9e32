import type { Pace } from './chunk-pace.js';

/**
 * Where snapshots are kept: objects made of chunks, and one manifest per snapshot, written last. A snapshot without a
 * manifest is not there: a writer that dies half-way leaves objects that nobody reads and the next clean-up removes.
 *
 * Chunks carry their own checksums (core/embedding/snapshot); a store keeps their order and their number.
 */
export interface SnapshotStore {
  /**
   * Durable when it resolves. Takes one chunk at a time, so the source may be made while it is read.
   * @param pace awaited after each chunk.
   */
  put(
    snapshot: SnapshotId,
    object: string,
    chunks: Iterable<Uint8Array>,
    pace?: Pace,
  ): Promise<StoredObject>;
  /**
   * The chunks of an object, in order.
   * @throws StarlingError CORRUPT naming the object when there are fewer or more than its manifest says.
   */
  get(snapshot: SnapshotId, object: StoredObject): AsyncIterable<Uint8Array>;
  /** Makes the snapshot visible, as a whole. */
  putManifest(snapshot: SnapshotId, manifest: Uint8Array): Promise<void>;
  getManifest(snapshot: SnapshotId): Promise<Uint8Array | undefined>;
  /** Snapshots that have a manifest, newest first. */
  list(): Promise<SnapshotId[]>;
  /** Removes the manifest first, then the objects. */
  remove(snapshot: SnapshotId): Promise<void>;
  /** Removes objects without a manifest, left by writers that died; `current` is being written now. */
  removeUnfinished(current?: SnapshotId): Promise<void>;
}

/** Rises with time and compares as text: newest last. */
export type SnapshotId = string;

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** Where the chunks are in a stream. */
  readonly sequences?: Float64Array;
}

/** Of milliseconds. */
const digits = 13;

/** Milliseconds since 1970 in 13 digits, then a number that tells snapshots of one millisecond apart. */
export function snapshotId(atMs: number, serial = 0): SnapshotId {
  return `${String(atMs).padStart(digits, '0')}-${serial}`;
}

/** Itself, or the next one that is newer than the newest there is: whoever leads goes by his own clock, and the last one by another. */
export function newerThan(newest: SnapshotId | undefined, id: SnapshotId): SnapshotId {
  if (newest === undefined || id > newest) return id;
  return snapshotId(Number(newest.slice(0, digits)) + 1);
}

export function isSnapshotId(text: string): boolean {
  return /^\d{13}-\d+$/.test(text);
}
