import { StarlingError, messageOf } from '../base/errors.js';
import { readText, textBytes, textBytesMax, writeText } from './packed-text.js';
import type { RememberedSegment } from './remembered-keys.js';
import { openKind } from './row-codec.js';

/**
 * What join state and records for other partitions are made of, beside open rows (row-codec.ts). Little-endian; the first byte is
 * the kind. Numbers are for ever.
 *
 *   parts     0 u8 kind  1 u8 version  4 u32 rows n  8 u32 text mark  12 the text: JSON; then n times: u32 length, a packed row
 *   segment   0 u8 kind  1 u8 version  2 u8 of what  3 u8 lane  4 u32 keys n
 *             8 f64[n] known until  u32[n] values, 2³² − 1 for one that is deleted  u32[n] text marks  the keys
 */
export const recordKind = {
  openRow: openKind,
  event: 4,
  segment: 5,
  settledRows: 6,
  identity: 7,
  offer: 8,
  shown: 9,
  erase: 10,
  moved: 11,
} as const;
export type RecordKind = (typeof recordKind)[keyof typeof recordKind];
export type PartsKind = Exclude<RecordKind, typeof openKind | typeof recordKind.segment>;

const version = 2;
const partsHeaderBytes = 12;
const segmentHeaderBytes = 8;
const deleted = 0xffffffff;

/** @throws StarlingError CORRUPT if it is none of this release; 2 and 3 were those of another one. */
export function kindOf(bytes: Uint8Array): RecordKind {
  const kind = Object.values(recordKind).find((each) => each === bytes[0]);
  if (kind !== undefined) return kind;
  throw new StarlingError('CORRUPT', `join record of kind ${bytes[0]} is none of this release`);
}

/** Something small that is said in JSON, and the packed rows that it is about. */
export interface Parts {
  readonly kind: PartsKind;
  readonly said: unknown;
  readonly rows: readonly Uint8Array[];
}

export function encodeParts({ kind, said, rows }: Parts): Uint8Array {
  const text = JSON.stringify(said);
  const rowBytes = rows.reduce((sum, { length }) => sum + 4 + length, 0);
  const bytes = new Uint8Array(partsHeaderBytes + textBytesMax(text) + rowBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  bytes[1] = version;
  view.setUint32(4, rows.length, true);
  const mark = writeText(bytes, partsHeaderBytes, text);
  view.setUint32(8, mark, true);
  let at = partsHeaderBytes + textBytes(mark);
  for (const row of rows) {
    view.setUint32(at, row.length, true);
    bytes.set(row, at + 4);
    at += 4 + row.length;
  }
  return bytes.subarray(0, at);
}

/** @throws StarlingError CORRUPT */
export function decodeParts(bytes: Uint8Array): Parts {
  const view = viewOf(bytes, partsHeaderBytes);
  const kind = kindOf(bytes) as PartsKind;
  const mark = view.getUint32(8, true);
  let at = partsHeaderBytes + textBytes(mark);
  const rows: Uint8Array[] = [];
  for (let left = view.getUint32(4, true); left > 0 && at + 4 <= bytes.length; left--) {
    const end = at + 4 + view.getUint32(at, true);
    rows.push(bytes.subarray(at + 4, end));
    at = end;
  }
  if (at !== bytes.length || rows.length !== view.getUint32(4, true))
    throw new StarlingError('CORRUPT', `join record of ${bytes.length} bytes has not its parts`);
  return { kind, said: parsed(readText(bufferOf(bytes), partsHeaderBytes, mark)), rows };
}

/** @param of which of the things that are remembered. */
export function encodeSegment(of: number, segment: RememberedSegment): Uint8Array {
  const { lane, keys, values, untilMs } = segment;
  const keysOffset = segmentHeaderBytes + 16 * keys.length;
  const bytes = new Uint8Array(keys.reduce((sum, key) => sum + textBytesMax(key), keysOffset));
  const view = new DataView(bytes.buffer);
  bytes.set([recordKind.segment, version, of, lane]);
  view.setUint32(4, keys.length, true);
  let at = keysOffset;
  for (let i = 0; i < keys.length; i++) {
    const mark = writeText(bytes, at, keys[i]!);
    view.setFloat64(segmentHeaderBytes + 8 * i, untilMs[i]!, true);
    view.setUint32(segmentHeaderBytes + 8 * keys.length + 4 * i, values[i]!, true);
    view.setUint32(segmentHeaderBytes + 12 * keys.length + 4 * i, mark, true);
    at += textBytes(mark);
  }
  return bytes.subarray(0, at);
}

/** @throws StarlingError CORRUPT */
export function decodeSegment(bytes: Uint8Array): RememberedSegment & { readonly of: number } {
  const view = viewOf(bytes, segmentHeaderBytes);
  const count = view.getUint32(4, true);
  const segment = {
    ...{ of: bytes[2]!, lane: bytes[3]! },
    ...{ keys: [] as string[], values: [] as number[], untilMs: [] as number[] },
  };
  let at = segmentHeaderBytes + 16 * count;
  const text = bufferOf(bytes);
  for (let i = 0; i < count && at <= bytes.length; i++) {
    const mark = view.getUint32(segmentHeaderBytes + 12 * count + 4 * i, true);
    const value = view.getUint32(segmentHeaderBytes + 8 * count + 4 * i, true);
    segment.keys.push(readText(text, at, mark));
    segment.values.push(value === deleted ? -1 : value);
    segment.untilMs.push(view.getFloat64(segmentHeaderBytes + 8 * i, true));
    at += textBytes(mark);
  }
  if (segment.keys.length === count && at === bytes.length) return segment;
  const message = `segment of ${bytes.length} bytes does not hold its ${count} keys`;
  throw new StarlingError('CORRUPT', message);
}

function viewOf(bytes: Uint8Array, bytesMin: number): DataView {
  if (bytes.length >= bytesMin && bytes[1] === version)
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new StarlingError(
    'CORRUPT',
    `join record of ${bytes.length} bytes is of version ${bytes[1]}, not ${version}`,
  );
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `a join record says no JSON: ${messageOf(cause)}`;
    throw new StarlingError('CORRUPT', message, {}, { cause });
  }
}
