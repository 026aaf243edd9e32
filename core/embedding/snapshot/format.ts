import { assert } from '../../base/assert.js';
import { StarlingError } from '../../base/errors.js';
import { crc32c } from './crc32c.js';

/**
 * Bytes of a snapshot: a header chunk, chunks of rows, a trailer chunk. Every chunk begins with the same 32 bytes and
 * is checked as a whole before any of it is used (docs/snapshot-format.md has the drawing). Little-endian, so that
 * columns are read and written in place.
 *
 * The first 16 bytes and what the checksum covers are the same in all versions for ever: a reader must be able to tell
 * a snapshot of another version from a damaged one.
 */
const snapshotVersion = 2;

/** "SnSn" */
const magic = 0x6e536e53;
export const chunkHeaderBytes = 32;
const magicAt = 0;
const checksumAt = 4;
const lengthAt = 8;
const versionAt = 12;
const kindAt = 14;
const numberAt = 16;
const snapshotTagAt = 20;
const slotIndexAt = 24;
const rowCountAt = 28;
/** The checksum covers what follows it. */
const checkedFrom = lengthAt;

/** A removed number stays listed as reserved. */
export const chunkKinds = { header: 1, rows: 2, trailer: 3 } as const;
export type ChunkKind = (typeof chunkKinds)[keyof typeof chunkKinds];

/**
 * Default bound of a chunk. Lower: more of the bytes are headers and calls. Higher: a longer pause of whoever makes a
 * chunk between two pushes (1 MiB takes about 1 ms), and more memory for who holds several. Must fit a message.
 */
export const chunkBytesDefault = 2 ** 20;
export const chunkBytesMin = 2 ** 10;
/** Beyond this a length is taken as damage, whatever the reader was told to allow. */
export const chunkBytesLimit = 64 * 2 ** 20;

export interface ChunkHeader {
  readonly kind: ChunkKind;
  readonly number: number;
  /** Checksum of the header chunk, so that chunks of two snapshots can't be mixed; 0 in the header chunk itself. */
  readonly snapshotTag: number;
  /** Of a rows chunk; else 0. */
  readonly slotIndex: number;
  readonly rowCount: number;
}

assert(
  new Uint8Array(Uint32Array.of(1).buffer)[0] === 1,
  'columns are read and written in place, which takes a little-endian machine',
);

/** Writes the header of a chunk whose payload is in place; returns its checksum. */
export function sealChunk(chunk: Uint8Array, header: ChunkHeader): number {
  assert(chunk.length >= chunkHeaderBytes, 'a chunk has room for its header');
  const view = viewOf(chunk);
  view.setUint32(magicAt, magic, true);
  view.setUint32(lengthAt, chunk.length, true);
  view.setUint16(versionAt, snapshotVersion, true);
  view.setUint16(kindAt, header.kind, true);
  view.setUint32(numberAt, header.number, true);
  view.setUint32(snapshotTagAt, header.snapshotTag, true);
  view.setUint32(slotIndexAt, header.slotIndex, true);
  view.setUint32(rowCountAt, header.rowCount, true);
  const checksum = crc32c(chunk, checkedFrom);
  view.setUint32(checksumAt, checksum, true);
  return checksum;
}

/**
 * The header of a chunk that is whole and undamaged. Nothing about the payload is trusted yet.
 *
 * @param number which chunk this is to be, for the messages; compared by the reader.
 * @throws StarlingError SNAPSHOT_CORRUPT, SNAPSHOT_VERSION.
 */
export function openChunk(
  chunk: Uint8Array,
  number: number,
  chunkBytesMax: number,
): ChunkHeader & { readonly checksum: number } {
  const length = declaredLength(chunk, number, chunkBytesMax);
  if (length !== chunk.length) {
    throw corrupt(number, `declares ${length} bytes and has ${chunk.length}`);
  }
  const view = viewOf(chunk);
  const checksum = view.getUint32(checksumAt, true);
  const actual = crc32c(chunk, checkedFrom);
  if (checksum !== actual) {
    throw corrupt(number, `has checksum ${hex(actual)} and declares ${hex(checksum)}`);
  }
  const version = view.getUint16(versionAt, true);
  if (version !== snapshotVersion) {
    throw new StarlingError(
      'SNAPSHOT_VERSION',
      `snapshot chunk ${number}: format version ${version}; this release reads ${snapshotVersion}.`,
      { chunk: number, version },
    );
  }
  const kind = view.getUint16(kindAt, true);
  if (kind !== chunkKinds.header && kind !== chunkKinds.rows && kind !== chunkKinds.trailer) {
    throw corrupt(number, `is of unknown kind ${kind}`);
  }
  return {
    kind,
    number: view.getUint32(numberAt, true),
    snapshotTag: view.getUint32(snapshotTagAt, true),
    slotIndex: view.getUint32(slotIndexAt, true),
    rowCount: view.getUint32(rowCountAt, true),
    checksum,
  };
}

/**
 * The length that a chunk declares, within bounds, from its first bytes.
 * @throws StarlingError SNAPSHOT_CORRUPT when these are no first bytes of a chunk.
 */
export function declaredLength(
  bytes: Uint8Array,
  number: number,
  chunkBytesMax = chunkBytesLimit,
): number {
  if (bytes.length < chunkHeaderBytes) {
    throw corrupt(number, `ends after ${bytes.length} of ${chunkHeaderBytes} header bytes`);
  }
  const view = viewOf(bytes);
  const found = view.getUint32(magicAt, true);
  if (found !== magic) throw corrupt(number, `begins with ${hex(found)}, not ${hex(magic)}`);
  const length = view.getUint32(lengthAt, true);
  if (length < chunkHeaderBytes || length > chunkBytesMax) {
    throw corrupt(
      number,
      `declares ${length} bytes, outside ${chunkHeaderBytes} … ${chunkBytesMax}`,
    );
  }
  return length;
}

/** As though the number were said by the chunk itself: the first that can't be used. */
export function corrupt(chunk: number, what: string): StarlingError {
  return new StarlingError('SNAPSHOT_CORRUPT', `snapshot chunk ${chunk} ${what}.`, { chunk });
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, '0')}`;
}
