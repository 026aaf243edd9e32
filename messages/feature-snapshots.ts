import type { RawFeatures } from '../core/features/raw-features.js';
import type { ActivitySnapshot } from './activity-snapshots.js';
import { activitySnapshotOf } from './activity-snapshots.js';
import { asFields, asMessage, f64, number, text, texts, wrong } from './checks.js';
import { decodeChunk, encodeChunk } from './checked-chunk.js';
import { decode, encode, protocolVersion } from './codec.js';
import { entityOf, featureList } from './features.js';
import { sequenceOf } from './progress-marks.js';
import type { Entity } from './subjects.js';

/**
 * Snapshots of what is known of users and items: an object for each of the two, so that who needs items only reads no
 * users, and a manifest, written last. All rows are those of one moment of FEATURES, and that moment is the same everywhere:
 * a data center may begin with the snapshot of any other.
 *
 * A chunk is a CBOR map behind its CRC-32C:
 *
 *   crc32c u32, little-endian | {v, kind: 'entity-rows', entity, ids, features, since}
 */
export interface EntityRows {
  readonly entity: Entity;
  readonly ids: readonly string[];
  readonly features: readonly RawFeatures[];
  /** Of FEATURES: the record that told of the entity first. Items are offered by their age. */
  readonly since: Float64Array;
}

export function encodeEntityRows(rows: EntityRows): Uint8Array {
  return encodeChunk({ v: protocolVersion, kind: 'entity-rows', ...rows });
}

/** @throws StarlingError SNAPSHOT_CORRUPT, BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeEntityRows(chunk: Uint8Array): EntityRows {
  const what = 'entity rows';
  const fields = asMessage(decodeChunk(chunk, what), what);
  const ids = texts(fields, 'ids', what);
  const since = f64(fields, 'since', what);
  if (since.length !== ids.length) throw wrong(what, 'since', `${ids.length} sequences`, since);
  const features = featureList(fields.features, ids.length, what);
  return { entity: entityOf(text(fields, 'entity', what)), ids, features, since };
}

export interface EntityObject {
  readonly entity: Entity;
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** Of the chunks, where they are in a stream. */
  readonly sequences?: Float64Array;
  readonly rows: number;
}

/** What a feature store has written. */
export interface FeatureSnapshot {
  /** Of FEATURES: all changes up to here are in the rows, and none beyond. */
  readonly sequence: number;
  readonly objects: readonly EntityObject[];
  /** What is kept of people and items; undefined: of a release that did not. */
  readonly activity?: ActivitySnapshot | undefined;
}

export interface FeatureManifest extends FeatureSnapshot {
  readonly snapshot: string;
  readonly createdAtMs: number;
}

export function featureSnapshotMessage(saved: FeatureSnapshot) {
  return { v: protocolVersion, ...saved };
}

export function parseFeatureSnapshot(value: unknown): FeatureSnapshot {
  const what = 'feature snapshot';
  const fields = asMessage(value, what);
  const { objects, activity } = fields;
  if (!Array.isArray(objects)) throw wrong(what, 'objects', 'a list', objects);
  return {
    sequence: sequenceOf(fields, what),
    objects: objects.map((each) => entityObject(each, what)),
    ...(activity === undefined
      ? {}
      : { activity: activitySnapshotOf(activity, `${what}.activity`) }),
  };
}

export function encodeFeatureManifest(manifest: FeatureManifest): Uint8Array {
  return encode({ v: protocolVersion, kind: 'features', ...manifest });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeFeatureManifest(bytes: Uint8Array): FeatureManifest {
  const what = 'feature manifest';
  const value = decode(bytes);
  const fields = asMessage(value, what);
  return {
    ...parseFeatureSnapshot(value),
    snapshot: text(fields, 'snapshot', what),
    createdAtMs: number(fields, 'createdAtMs', what),
  };
}

function entityObject(value: unknown, what: string): EntityObject {
  const fields = asFields(value, what);
  return {
    entity: entityOf(text(fields, 'entity', what)),
    name: text(fields, 'name', what),
    bytes: number(fields, 'bytes', what),
    chunks: number(fields, 'chunks', what),
    ...(fields.sequences === undefined ? {} : { sequences: f64(fields, 'sequences', what) }),
    rows: number(fields, 'rows', what),
  };
}
