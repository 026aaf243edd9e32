import type { JoinProgress } from '../core/joining/types.js';
import { asFields, asMessage, f64, flag, listOf, number, text, wrong } from './checks.js';
import { decodeChunk, encodeChunk } from './checked-chunk.js';
import { decode, encode, protocolVersion } from './codec.js';
import { sequenceOf } from './progress-marks.js';

/**
 * Snapshots of the windows of joiners: an object for each joiner, and a manifest for all of them, written last. An object is the
 * store of a joiner at one commit:
 *
 *   crc32c u32, little-endian | {v, kind: 'join-state', spec, progress}                 once, first
 *   crc32c u32, little-endian | {v, kind: 'join-records', numbers, parts, goesOn}       the records, by number
 *
 * A record may be longer than a chunk: where `goesOn`, the last part of a chunk and the first of the next are of one record.
 */
export interface JoinSnapshotState {
  /** Hash of the features that rows are made of. */
  readonly spec: string;
  readonly progress: JoinProgress;
}

export interface JoinRecordParts {
  readonly numbers: Float64Array;
  readonly parts: readonly Uint8Array[];
  readonly goesOn: boolean;
}

export function encodeJoinState(state: JoinSnapshotState): Uint8Array {
  return encodeChunk({ v: protocolVersion, kind: 'join-state', ...state });
}

/** @throws StarlingError SNAPSHOT_CORRUPT, BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeJoinState(chunk: Uint8Array): JoinSnapshotState {
  const what = 'state of a window';
  const fields = asMessage(decodeChunk(chunk, what), what);
  // As it is read from a store, too: by the release that wrote it.
  const progress = asFields(fields['progress'], `${what}.progress`) as unknown as JoinProgress;
  return { spec: text(fields, 'spec', what), progress };
}

export function encodeJoinRecords(records: JoinRecordParts): Uint8Array {
  return encodeChunk({ v: protocolVersion, kind: 'join-records', ...records });
}

/** @throws StarlingError SNAPSHOT_CORRUPT, BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeJoinRecords(chunk: Uint8Array): JoinRecordParts {
  const what = 'records of a window';
  const fields = asMessage(decodeChunk(chunk, what), what);
  const numbers = f64(fields, 'numbers', what);
  const { parts } = fields;
  const isBytes = Array.isArray(parts) && parts.every((part) => ArrayBuffer.isView(part));
  if (!isBytes || parts.length !== numbers.length)
    throw wrong(what, 'parts', `the bytes of ${numbers.length} records`, parts);
  return { numbers, parts: parts as Uint8Array[], goesOn: flag(fields, 'goesOn', what) };
}

/** The window of one joiner: what it has written. */
export interface WindowSnapshot {
  readonly joiner: number;
  /** Of JOIN: all records for this joiner up to here are in, and all that came of them was published before this was. */
  readonly sequence: number;
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** Of the chunks, where they are in a stream. */
  readonly sequences?: Float64Array;
  readonly records: number;
}

export interface JoinManifest {
  readonly snapshot: string;
  readonly createdAtMs: number;
  readonly windows: readonly WindowSnapshot[];
}

export function windowSnapshotMessage(saved: WindowSnapshot) {
  return { v: protocolVersion, ...saved };
}

export function parseWindowSnapshot(value: unknown): WindowSnapshot {
  const what = 'snapshot of a window';
  return windowOf(asMessage(value, what), what);
}

export function encodeJoinManifest(manifest: JoinManifest): Uint8Array {
  return encode({ v: protocolVersion, kind: 'windows', ...manifest });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeJoinManifest(bytes: Uint8Array): JoinManifest {
  const what = 'manifest of windows';
  const fields = asMessage(decode(bytes), what);
  return {
    snapshot: text(fields, 'snapshot', what),
    createdAtMs: number(fields, 'createdAtMs', what),
    windows: listOf(fields, 'windows', what, windowOf),
  };
}

function windowOf(value: unknown, what: string): WindowSnapshot {
  const fields = asFields(value, what);
  return {
    joiner: number(fields, 'joiner', what),
    sequence: sequenceOf(fields, what),
    name: text(fields, 'name', what),
    bytes: number(fields, 'bytes', what),
    chunks: number(fields, 'chunks', what),
    ...(fields['sequences'] === undefined ? {} : { sequences: f64(fields, 'sequences', what) }),
    records: number(fields, 'records', what),
  };
}
