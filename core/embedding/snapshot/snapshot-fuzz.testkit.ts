import { codeOf } from '../../base/errors.js';
import type { Mutator } from '../../base/mutate.testkit.js';
import { crc32c } from './crc32c.js';
import { chunkHeaderBytes } from './format.js';
import { SnapshotReader } from './reader.js';
import type { LoadedPage, SnapshotTarget } from './rows.js';
import { chunkBytesMax, header, join, modelOf, slots } from './snapshot-rows.testkit.js';
import { ChunkSplitter } from './split-chunks.testkit.js';
import { writeSnapshot } from './writer.js';

/**
 * Damaged snapshots into splitter and reader. Every input must end as a snapshot that was read, or as a SNAPSHOT_ error
 * that names a chunk; whatever else is thrown is a finding. In half of the inputs the checksums are put right again,
 * as otherwise nothing behind them would ever be reached.
 */
const sampleRows = [0, 1, 3, 40];
const samples: readonly Uint8Array[] = sampleRows.map((rows) =>
  join([...writeSnapshot(modelOf(rows), header, { chunkBytesMax })]),
);

/** Looks at every value that it is given, as a table would. */
class TouchingTarget implements SnapshotTarget {
  readonly slots = slots;
  sum = 0;

  assign({ count, fids, weights, state, updatedAt, updateCounts }: LoadedPage): number {
    if (updateCounts.includes(0)) throw new Error('a row that was never updated was handed out');
    for (const column of [fids, weights, state ?? [], updatedAt, updateCounts]) {
      for (const value of column) this.sum += value;
    }
    return count;
  }
}

/** One damaged snapshot, in pieces. Returns `read` or the code it was refused with; throws on a finding. */
export function fuzzSnapshot(mutator: Mutator): string {
  const bytes = mutator.mutate(samples);
  if (mutator.below(2) === 0) mendChecksums(bytes);
  const pieceBytes = 1 + mutator.below(2 * chunkBytesMax);
  try {
    const splitter = new ChunkSplitter(chunkBytesMax);
    const reader = new SnapshotReader(new TouchingTarget(), { chunkBytesMax });
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      for (const chunk of splitter.push(bytes.subarray(at, at + pieceBytes))) reader.accept(chunk);
    }
    splitter.end();
    reader.finish();
    return 'read';
  } catch (error) {
    const code = codeOf(error);
    const chunk = (error as { details?: { chunk?: unknown } }).details?.chunk;
    if (code.startsWith('SNAPSHOT_') && typeof chunk === 'number') return code;
    throw error;
  }
}

/** As long as chunks can be found by their lengths, makes their checksums and the tags of their snapshot right. */
function mendChecksums(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let tag = 0;
  for (let at = 0; at + chunkHeaderBytes <= bytes.length;) {
    const length = view.getUint32(at + 8, true);
    if (length < chunkHeaderBytes || at + length > bytes.length) return;
    if (at > 0) view.setUint32(at + 20, tag, true);
    const checksum = crc32c(bytes, at + 8, at + length);
    view.setUint32(at + 4, checksum, true);
    if (at === 0) tag = checksum;
    at += length;
  }
}
