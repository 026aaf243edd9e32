import { StarlingError } from '../core/base/errors.js';
import { crc32c } from '../core/embedding/snapshot/crc32c.js';
import { decode, encode } from './codec.js';

const checksumBytes = 4;

/** A chunk of a snapshot: CBOR behind its CRC-32C, little-endian. */
export function encodeChunk(value: unknown): Uint8Array {
  const body = encode(value);
  const chunk = new Uint8Array(checksumBytes + body.length);
  chunk.set(body, checksumBytes);
  new DataView(chunk.buffer).setUint32(0, crc32c(body), true);
  return chunk;
}

/** @throws StarlingError SNAPSHOT_CORRUPT, BAD_MESSAGE */
export function decodeChunk(chunk: Uint8Array, what: string): unknown {
  const body = chunk.subarray(checksumBytes);
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk.length < checksumBytes || view.getUint32(0, true) !== crc32c(body))
    throw new StarlingError('SNAPSHOT_CORRUPT', `${what}: the checksum of a chunk does not fit.`);
  return decode(body);
}
