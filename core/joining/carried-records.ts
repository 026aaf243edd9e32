import type { EarlierExamples } from '../features/earlier-examples.js';
import { carriedExamples } from '../features/earlier-examples.js';
import { packRow } from './open-rows.js';
import { decodeParts, encodeParts, kindOf, recordKind, type PartsKind } from './record-codec.js';
import { decodeRow } from './row-codec.js';
import { unpackRows } from './unpack-rows.js';

/**
 * A record of a window, or for another partition, as it would be with the features of now: what waits for its outcomes goes on waiting
 * when features come and go. Only packed rows have features in them; what else is said stays byte by byte.
 *
 * @throws StarlingError CORRUPT
 */
export function carriedRecord(bytes: Uint8Array, earlier: EarlierExamples): Uint8Array {
  const kind = kindOf(bytes);
  switch (kind) {
    case recordKind.openRow: {
      const { endOffset } = decodeRow(bytes, 0);
      const row = carriedRow(bytes.subarray(0, endOffset), earlier);
      const state = bytes.subarray(endOffset);
      const carried = new Uint8Array(row.length + state.length);
      carried.set(row);
      carried.set(state, row.length);
      return carried;
    }
    case recordKind.segment:
      return bytes;
    default:
      return carriedParts(bytes, kind, earlier);
  }
}

function carriedParts(bytes: Uint8Array, kind: PartsKind, earlier: EarlierExamples): Uint8Array {
  const { said, rows } = decodeParts(bytes);
  if (rows.length === 0) return bytes;
  return encodeParts({ kind, said, rows: rows.map((row) => carriedRow(row, earlier)) });
}

function carriedRow(packed: Uint8Array, earlier: EarlierExamples): Uint8Array {
  const { slotIds, denseWidth } = earlier;
  const batch = unpackRows([packed], slotIds.length, denseWidth);
  return packRow({ ...batch, examples: carriedExamples(batch.examples, earlier) }, 0);
}
