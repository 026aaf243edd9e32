import { decodeRow } from './row-codec.js';
import { SampleBuilder } from './sample-builder.js';
import type { ImpressionBatch } from './types.js';

const nothingLearned = { known: 0, labels: [], sampleRate: 1, acceptedAtMs: NaN };

/**
 * Packed rows as a batch again.
 *
 * @throws StarlingError CORRUPT
 */
export function unpackRows(
  rows: readonly Uint8Array[],
  slotCount: number,
  denseCount: number,
): ImpressionBatch {
  const builder = new SampleBuilder([], slotCount, denseCount);
  for (const bytes of rows) {
    const packed = decodeRow(bytes, 0);
    builder.addPacked(bytes, packed, { ...nothingLearned, person: packed.user });
  }
  const { requestIds, users, items, atMs, scores, facts, examples } = builder.take();
  return { requestIds, users, items, atMs, scores, facts, examples };
}
