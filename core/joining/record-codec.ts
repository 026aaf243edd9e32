import { StarlingError } from '../base/errors.js';
import { readText, textBytes, textBytesMax, writeText } from './packed-text.js';
import { openKind } from './row-codec.js';

/**
 * The two other kinds of join state. Little-endian.
 *
 *   held action      0 u8 kind  1 u8 version  2 u8 label  4 u32 × 2 text marks  12 f64 event time  20 f64 accepted at
 *                    28 request id, item
 *   closed segment   0 u8 kind  1 u8 version  4 u32 count n  8 f64 closed at
 *                    16 u32[n] text marks   u8[n] labels   the keys
 *
 * All identities that one drain closed are one segment: they are forgotten together, so a segment is one write and one
 * removal instead of hundreds.
 */
export const heldKind = 2;
export const closedKind = 3;
const version = 2;
const heldHeaderBytes = 28;
const closedHeaderBytes = 16;

export type RecordKind = typeof openKind | typeof heldKind | typeof closedKind;

export interface HeldFields {
  readonly requestId: string;
  readonly item: string;
  readonly label: number;
  readonly atMs: number;
  readonly acceptedAtMs: number;
}

export interface ClosedSegmentFields {
  readonly closedAtMs: number;
  readonly keys: readonly string[];
  readonly labels: ArrayLike<number>;
}

/** What a stored record is. Throws CORRUPT if it is nothing we write. */
export function kindOf(bytes: Uint8Array): RecordKind {
  const kind = bytes[0];
  if (kind === openKind || kind === heldKind || kind === closedKind) return kind;
  throw new StarlingError('CORRUPT', `join record of unknown kind ${kind}`);
}

export function encodeHeld(held: HeldFields): Uint8Array {
  const bytes = new Uint8Array(
    heldHeaderBytes + textBytesMax(held.requestId) + textBytesMax(held.item),
  );
  const view = new DataView(bytes.buffer);
  bytes[0] = heldKind;
  bytes[1] = version;
  bytes[2] = held.label;
  view.setFloat64(12, held.atMs, true);
  view.setFloat64(20, held.acceptedAtMs, true);
  const requestIdMark = writeText(bytes, heldHeaderBytes, held.requestId);
  const itemOffset = heldHeaderBytes + textBytes(requestIdMark);
  const itemMark = writeText(bytes, itemOffset, held.item);
  view.setUint32(4, requestIdMark, true);
  view.setUint32(8, itemMark, true);
  return bytes.subarray(0, itemOffset + textBytes(itemMark));
}

export function decodeHeld(bytes: Uint8Array): HeldFields {
  const view = checked(bytes, heldKind, heldHeaderBytes);
  const requestIdMark = view.getUint32(4, true);
  const itemMark = view.getUint32(8, true);
  const itemOffset = heldHeaderBytes + textBytes(requestIdMark);
  if (itemOffset + textBytes(itemMark) !== bytes.length) {
    throw new StarlingError(
      'CORRUPT',
      `held action of ${bytes.length} bytes does not match its text lengths`,
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    requestId: readText(text, heldHeaderBytes, requestIdMark),
    item: readText(text, itemOffset, itemMark),
    label: bytes[2]!,
    atMs: view.getFloat64(12, true),
    acceptedAtMs: view.getFloat64(20, true),
  };
}

export function encodeClosedSegment(segment: ClosedSegmentFields): Uint8Array {
  const { keys, labels } = segment;
  let bytesMax = closedHeaderBytes + 5 * keys.length;
  for (const key of keys) bytesMax += textBytesMax(key);
  const bytes = new Uint8Array(bytesMax);
  const view = new DataView(bytes.buffer);
  bytes[0] = closedKind;
  bytes[1] = version;
  view.setUint32(4, keys.length, true);
  view.setFloat64(8, segment.closedAtMs, true);
  const labelsOffset = closedHeaderBytes + 4 * keys.length;
  let at = labelsOffset + keys.length;
  for (let i = 0; i < keys.length; i++) {
    const mark = writeText(bytes, at, keys[i]!);
    view.setUint32(closedHeaderBytes + 4 * i, mark, true);
    bytes[labelsOffset + i] = labels[i]!;
    at += textBytes(mark);
  }
  return bytes.subarray(0, at);
}

export function decodeClosedSegment(bytes: Uint8Array): ClosedSegmentFields {
  const view = checked(bytes, closedKind, closedHeaderBytes);
  const count = view.getUint32(4, true);
  const labelsOffset = closedHeaderBytes + 4 * count;
  let at = labelsOffset + count;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const keys: string[] = [];
  for (let i = 0; i < count && at <= bytes.length; i++) {
    const mark = view.getUint32(closedHeaderBytes + 4 * i, true);
    keys.push(readText(text, at, mark));
    at += textBytes(mark);
  }
  if (keys.length !== count || at !== bytes.length) {
    throw new StarlingError(
      'CORRUPT',
      `closed segment of ${bytes.length} bytes does not hold its ${count} keys`,
    );
  }
  return {
    closedAtMs: view.getFloat64(8, true),
    keys,
    labels: bytes.slice(labelsOffset, labelsOffset + count),
  };
}

function checked(bytes: Uint8Array, kind: RecordKind, bytesMin: number): DataView {
  if (bytes.length < bytesMin || bytes[0] !== kind || bytes[1] !== version) {
    throw new StarlingError(
      'CORRUPT',
      `join record of ${bytes.length} bytes is not of kind ${kind}, version ${version}`,
    );
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
