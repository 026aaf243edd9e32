import type { RawFeatures } from '../core/features/raw-features.js';
import type { EntityObject, FeatureSnapshot } from '../messages/feature-snapshots.js';
import { encodeEntityRows } from '../messages/feature-snapshots.js';
import type { Entity } from '../messages/subjects.js';
import { entities } from '../messages/subjects.js';
import type { Pace } from '../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';

/**
 * Of text and numbers, by a rough count: encoded it may be three times as much, and has to fit a message of 1 MiB. A single
 * row came in a message, so it fits one.
 */
const chunkBytesAbout = 192 * 1024;

interface Row {
  readonly id: string;
  readonly since: number;
  readonly features: RawFeatures;
}

/** One moment of what is known. */
export interface SavedEntities {
  readonly sequence: number;
  rows(entity: Entity): Iterable<Row>;
}

export async function saveFeatures(
  store: SnapshotStore,
  snapshot: string,
  pace: Pace,
  source: SavedEntities,
): Promise<FeatureSnapshot> {
  const objects: EntityObject[] = [];
  for (const entity of entities) {
    const chunks = new EntityChunks(entity, source.rows(entity));
    const stored = await store.put(snapshot, entity, chunks, pace);
    objects.push({ ...stored, entity, rows: chunks.rowCount });
  }
  return { sequence: source.sequence, objects };
}

/** Encoded as they are asked for. */
class EntityChunks implements Iterable<Uint8Array> {
  readonly #entity: Entity;
  readonly #rows: Iterable<Row>;
  /** Handed out so far. */
  rowCount = 0;

  constructor(entity: Entity, rows: Iterable<Row>) {
    this.#entity = entity;
    this.#rows = rows;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (const rows of inChunks(this.#rows)) {
      this.rowCount += rows.length;
      yield encodeEntityRows({
        entity: this.#entity,
        ids: rows.map(({ id }) => id),
        features: rows.map(({ features }) => features),
        since: Float64Array.from(rows, ({ since }) => since),
      });
    }
  }
}

function* inChunks(rows: Iterable<Row>): Generator<Row[]> {
  let chunk: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = sizeOf(row.id) + sizeOf(row.features);
    if (chunk.length > 0 && bytes + size > chunkBytesAbout) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 3;
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + sizeOf(each), 3);
  if (typeof value !== 'object' || value === null) return 9;
  let sum = 3;
  for (const [name, each] of Object.entries(value)) sum += name.length + 3 + sizeOf(each);
  return sum;
}
