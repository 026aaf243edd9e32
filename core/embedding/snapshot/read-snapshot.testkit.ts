import { SnapshotReader, type ReadOptions, type SnapshotSummary } from './reader.js';
import type { SnapshotTarget } from './rows.js';

/** Reads all chunks into the target; see SnapshotReader. */
export function readSnapshot(
  chunks: Iterable<Uint8Array>,
  target: SnapshotTarget,
  options: ReadOptions = {},
): SnapshotSummary {
  const reader = new SnapshotReader(target, options);
  for (const chunk of chunks) reader.accept(chunk);
  return reader.finish();
}

/** Applies nothing: all rows count as skipped. Reads at the speed of the checksum. */
export function verifySnapshot(chunks: Iterable<Uint8Array>): SnapshotSummary {
  return readSnapshot(chunks, { slots: [], assign: () => 0 }, { unknownSlot: 'skip' });
}
