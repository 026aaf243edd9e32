import { assert } from '../../base/assert.js';
import { RunningChecksum } from './checksum.js';
import {
  chunkBytesDefault,
  chunkBytesLimit,
  chunkBytesMin,
  chunkKinds,
  sealChunk,
} from './format.js';
import { headerChunk, trailerChunk, type SnapshotHeader } from './header.js';
import { pageOf, rowColumns, rowsPerChunk } from './row-columns.js';
import type { RowsPage, SnapshotSlot, SnapshotSource } from './rows.js';

export interface WriteOptions {
  /** Bound of a chunk, its header included; default 1 MiB, at least 1 KiB. A row must fit. */
  readonly chunkBytesMax?: number;
}

export interface WriteTotals {
  readonly bytes: number;
  readonly chunks: number;
  /** Per slot of the source. */
  readonly rowCounts: Float64Array;
}

/**
 * The chunks of a snapshot, each made when it is asked for and no sooner, so a source may be changed between two of
 * them: the snapshot is fuzzy. Every row in it is whole and was true at some moment between the first chunk and the
 * last; with the deltas recorded since before the first chunk it is exact.
 *
 * Each chunk is a buffer of its own, which the caller may keep. Rows that the source gathers into `room` are copied
 * once, from table to chunk. Asserts that the source keeps its promises; nothing here is input from outside.
 */
export function* writeSnapshot(
  source: SnapshotSource,
  header: SnapshotHeader,
  options: WriteOptions = {},
): Generator<Uint8Array, WriteTotals> {
  const chunkBytesMax = options.chunkBytesMax ?? chunkBytesDefault;
  assert(chunkBytesMax >= chunkBytesMin, 'a chunk is worth its header');
  assert(chunkBytesMax <= chunkBytesLimit, 'a chunk is one that readers take');
  const { slots } = source;
  const { chunk: first, checksum: snapshotTag } = headerChunk(header, slots, chunkBytesMax);
  const checksums = new RunningChecksum();
  checksums.add(snapshotTag);
  const rowCounts = new Float64Array(slots.length);
  let bytes = first.length;
  let number = 1;
  yield first;

  const limits = slots.map((slot) => rowsPerChunk(slot, chunkBytesMax));
  const rooms = new Rooms(slots);
  for (const page of source.pages((slotIndex) => limits[slotIndex]!, rooms.take)) {
    if (page.count === 0) continue;
    assert(page.count <= limits[page.slotIndex]!, 'a page holds no more rows than asked for');
    const chunk = rooms.chunkOf(page);
    const { slotIndex, count: rowCount } = page;
    const kind = chunkKinds.rows;
    checksums.add(sealChunk(chunk, { kind, number, snapshotTag, slotIndex, rowCount }));
    rowCounts[slotIndex]! += rowCount;
    bytes += chunk.length;
    number++;
    yield chunk;
  }

  const chunkCount = number + 1;
  const last = trailerChunk(
    { rowCounts, chunkCount, runningChecksum: checksums.value },
    snapshotTag,
  );
  assert(last.length <= chunkBytesMax, 'a trailer is shorter than its header chunk');
  yield last;
  return { bytes: bytes + last.length, chunks: chunkCount, rowCounts };
}

/** Hands out the columns of the next chunk, and finds out whether a page came back in them. */
class Rooms {
  readonly #slots: readonly SnapshotSlot[];
  #chunk: Uint8Array | undefined;
  #page: RowsPage | undefined;

  constructor(slots: readonly SnapshotSlot[]) {
    this.#slots = slots;
  }

  readonly take = (slotIndex: number, count: number): RowsPage => {
    const { dim, stateWidth } = this.#slots[slotIndex]!;
    const columns = rowColumns(count, dim, stateWidth);
    this.#chunk = new Uint8Array(columns.end);
    this.#page = pageOf(this.#chunk, slotIndex, count, this.#slots[slotIndex]!);
    return this.#page;
  };

  /** The chunk that holds the page, filled; its header is yet to be written. */
  chunkOf(page: RowsPage): Uint8Array {
    if (page === this.#page) return this.#release();
    const own = this.take(page.slotIndex, page.count);
    // `set` refuses more than fits; less than fits would leave zeros.
    assert(page.fids.length === own.fids.length, 'a page has a fid per row');
    assert(page.weights.length === own.weights.length, 'a page has weights for each row');
    assert(page.state.length === own.state.length, 'a page has state for each row');
    assert(page.updatedAt.length === page.count, 'a page has a time per row');
    assert(page.updateCounts.length === page.count, 'a page has an update count per row');
    own.fids.set(page.fids);
    own.weights.set(page.weights);
    own.state.set(page.state);
    own.updatedAt.set(page.updatedAt);
    own.updateCounts.set(page.updateCounts);
    return this.#release();
  }

  /** A room is used once: the chunk belongs to who asked for it. */
  #release(): Uint8Array {
    const chunk = this.#chunk!;
    this.#chunk = undefined;
    this.#page = undefined;
    return chunk;
  }
}
