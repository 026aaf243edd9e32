import { assert } from '../../base/assert.js';
import { RunningChecksum } from './checksum.js';
import { chunkBytesLimit, chunkKinds, corrupt, openChunk, type ChunkHeader } from './format.js';
import { checkTrailer, readHeader, type SnapshotHeader } from './header.js';
import { planSlots, type LoadPolicy, type SlotPlan } from './load-policy.js';
import { pageOf, rowColumns } from './row-columns.js';
import type { SnapshotSlot, SnapshotTarget } from './rows.js';

export interface ReadOptions extends LoadPolicy {
  /** A chunk that says it is longer is refused; default 64 MiB, the most a writer makes. */
  readonly chunkBytesMax?: number;
}

/** Rows: in the snapshot = assigned + elsewhere + skipped. */
export interface SnapshotSummary {
  readonly bytes: number;
  readonly chunks: number;
  /** Taken by the target. */
  readonly rowsAssigned: number;
  /** Left by the target, as they belong to partitions it does not hold. */
  readonly rowsElsewhere: number;
  /** Of slots that the target does not have. */
  readonly rowsSkipped: number;
  /** Of those assigned, rows whose optimizer state was left out. */
  readonly rowsReset: number;
}

/**
 * Takes the chunks of one snapshot in order and hands their rows to a target. A chunk is checked as a whole first
 * (length, checksum, version, place, shape), and nothing of a bad one is applied; the same chunk may then be given
 * again from another copy. Rows of the chunks before stay applied, and only `finish` says that none is missing: until
 * then the target is not to be used.
 *
 * No length is believed: nothing is allocated but the plan of slots, a copy of the metadata and, for a chunk whose
 * first byte is not 4-aligned in its buffer, a copy of that chunk. Else rows are read in place.
 */
export class SnapshotReader {
  readonly #target: SnapshotTarget;
  readonly #options: ReadOptions;
  readonly #checksums = new RunningChecksum();
  #opened: OpenedSnapshot | undefined;
  #finished = false;
  #bytes = 0;
  #chunks = 0;
  #rowsAssigned = 0;
  #rowsElsewhere = 0;
  #rowsSkipped = 0;
  #rowsReset = 0;

  constructor(target: SnapshotTarget, options: ReadOptions = {}) {
    this.#target = target;
    this.#options = options;
  }

  /** What the snapshot is of, once its first chunk is in. */
  get header(): SnapshotHeader | undefined {
    return this.#opened?.header;
  }

  get slots(): readonly SnapshotSlot[] {
    return this.#opened?.slots ?? [];
  }

  /**
   * @param chunk one whole chunk; not changed and not kept.
   * @throws StarlingError SNAPSHOT_CORRUPT, SNAPSHOT_VERSION or SNAPSHOT_MISMATCH, with `details.chunk`.
   */
  accept(chunk: Uint8Array): void {
    const number = this.#chunks;
    if (this.#finished) throw corrupt(number, 'comes after the end');
    const opened = openChunk(chunk, number, this.#options.chunkBytesMax ?? chunkBytesLimit);
    if (opened.number !== number) throw corrupt(number, `is numbered ${opened.number}`);
    if ((opened.kind === chunkKinds.header) !== (number === 0)) {
      throw corrupt(number, number === 0 ? 'is not a header' : 'is a second header');
    }
    if (opened.snapshotTag !== (this.#opened?.tag ?? 0)) {
      throw corrupt(number, 'belongs to another snapshot');
    }
    if (opened.kind === chunkKinds.header) this.#acceptHeader(chunk, opened.checksum);
    else if (opened.kind === chunkKinds.rows) this.#acceptRows(chunk, opened);
    else this.#acceptTrailer(chunk);
    this.#checksums.add(opened.checksum);
    this.#bytes += chunk.length;
    this.#chunks++;
  }

  /**
   * To be called after the last chunk.
   * @throws StarlingError SNAPSHOT_CORRUPT when the trailer has not come.
   */
  finish(): SnapshotSummary {
    if (!this.#finished) throw corrupt(this.#chunks, 'is missing: the snapshot has no end');
    const bytes = this.#bytes;
    const chunks = this.#chunks;
    const rowsAssigned = this.#rowsAssigned;
    const rowsElsewhere = this.#rowsElsewhere;
    const rowsSkipped = this.#rowsSkipped;
    const rowsReset = this.#rowsReset;
    return { bytes, chunks, rowsAssigned, rowsElsewhere, rowsSkipped, rowsReset };
  }

  #acceptHeader(chunk: Uint8Array, tag: number): void {
    const { slots, metadata, ...rest } = readHeader(chunk);
    const plans = planSlots(slots, this.#target.slots, this.#options);
    const header = { ...rest, metadata: new Uint8Array(metadata) };
    this.#opened = { header, slots, plans, tag, rowCounts: new Float64Array(slots.length) };
  }

  #acceptRows(given: Uint8Array, { slotIndex, rowCount }: ChunkHeader): void {
    const opened = this.#opened!;
    const slot = opened.slots[slotIndex];
    if (!slot) {
      throw corrupt(this.#chunks, `has rows of slot index ${slotIndex} of ${opened.slots.length}`);
    }
    const { end } = rowColumns(rowCount, slot.dim, slot.stateWidth);
    if (rowCount === 0 || end !== given.length) {
      throw corrupt(this.#chunks, `declares ${rowCount} rows in ${given.length} bytes, not ${end}`);
    }
    // Not `slice`, which on a Buffer is a view, as little aligned.
    const chunk = given.byteOffset % 4 === 0 ? given : new Uint8Array(given);
    const page = pageOf(chunk, slotIndex, rowCount, slot);
    if (page.updateCounts.includes(0)) throw corrupt(this.#chunks, 'has a row without an update');

    const { targetIndex, keepsState } = opened.plans[slotIndex]!;
    opened.rowCounts[slotIndex]! += rowCount;
    if (targetIndex === undefined) {
      this.#rowsSkipped += rowCount;
      return;
    }
    const state = keepsState ? page.state : undefined;
    const assigned = this.#target.assign({ ...page, slotIndex: targetIndex, state });
    assert(assigned >= 0 && assigned <= rowCount, 'a target takes rows that are there');
    this.#rowsAssigned += assigned;
    this.#rowsElsewhere += rowCount - assigned;
    if (!keepsState) this.#rowsReset += assigned;
  }

  #acceptTrailer(chunk: Uint8Array): void {
    checkTrailer(chunk, {
      rowCounts: this.#opened!.rowCounts,
      chunkCount: this.#chunks + 1,
      runningChecksum: this.#checksums.value,
    });
    this.#finished = true;
  }
}

interface OpenedSnapshot {
  readonly header: SnapshotHeader;
  readonly slots: readonly SnapshotSlot[];
  readonly plans: readonly SlotPlan[];
  readonly tag: number;
  /** Rows seen so far per slot. */
  readonly rowCounts: Float64Array;
}
