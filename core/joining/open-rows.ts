import { assert } from '../base/assert.js';
import { StarlingError } from '../base/errors.js';
import type { LineValue, RowState } from './row-state.js';
import { encodeState, stateBytesMax } from './row-state.js';
import { decodeRow, encodeRow, rowBytesMax } from './row-codec.js';
import type { ImpressionBatch } from './types.js';

/** The number of a row that no drain has handed out yet. */
export const unstored = -1;

/** Packed rows one after the other, each with its state behind it, and who they belong to. */
export class RowChunk {
  bytes: Uint8Array;
  rows: OpenRow[] = [];
  /** Rows that still read their bytes here. */
  liveCount = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** What was offered to somebody, as long as something may become known of it, or something that is known may be said again. */
export class OpenRow implements RowState {
  readonly key: string;
  readonly requestId: string;
  readonly item: string;
  readonly lane: number;
  person: string;
  sinceMs: number;
  isShown: boolean;
  open: number;
  reached: number;
  told: number;
  values: LineValue[] | undefined;
  /** Where the row is: the batch it came in, the chunk its drain packed it into, or undefined: on disk only, or closed. */
  source: ImpressionBatch | RowChunk | undefined;
  /** Row index in a batch, byte offset in a chunk, 0 on disk. */
  position: number;
  number: number;
  /** Whether it has changed since the last drain. */
  isTouched = false;
  /** It is not in the window any more, or another object stands for it since it was on disk alone. */
  isGone = false;
  /** Whether the store has it among those that are settled, and until when it is known then. */
  isSettled = false;
  /** The record that has it then. */
  settledIn = NaN;
  settledUntilMs = NaN;
  /** By an event. */
  isDismissed = false;

  constructor(
    identity: { readonly key: string; readonly requestId: string; readonly item: string },
    state: RowState,
    source: OpenRow['source'],
    position: number,
    number = unstored,
  ) {
    this.key = identity.key;
    this.requestId = identity.requestId;
    this.item = identity.item;
    this.lane = state.lane;
    this.person = state.person;
    this.sinceMs = state.sinceMs;
    this.isShown = state.isShown;
    this.open = state.open;
    this.reached = state.reached;
    this.told = state.told ?? 0;
    this.values = state.values;
    this.source = source;
    this.position = position;
    this.number = number;
  }
}

const noBytes = new Uint8Array(0);

/** Rows of a restored store are packed this many to a chunk: more pin more bytes for a last row, fewer cost objects. */
const restoredRowsPerChunk = 256;

/**
 * The stored open rows whose bytes are in memory too, in chunks by age. The oldest go cold first: most actions follow
 * their impression closely, so what has waited longest is least likely to be asked for before its window ends.
 */
export class HotRows {
  #chunks: RowChunk[] = [];
  #count = 0;
  /** Chunks whose rows need them no more. */
  #emptyCount = 0;
  #restored: { row: OpenRow; bytes: Uint8Array }[] = [];

  /** Packs rows that still refer to their batch, and returns the end of each in the chunk. */
  pack(rows: OpenRow[]): { bytes: Uint8Array; ends: number[] } {
    let bytesMax = 0;
    for (const row of rows)
      bytesMax += rowBytesMax(row.source as ImpressionBatch, row.position) + stateBytesMax(row);
    const scratch = new Uint8Array(bytesMax);
    const ends: number[] = [];
    const starts: number[] = [];
    let end = 0;
    for (const row of rows) {
      starts.push(end);
      const source = row.source as ImpressionBatch;
      const stateAt = encodeRow(source, row.position, scratch, end);
      end = encodeState(row, source.users[row.position]!, scratch, stateAt);
      ends.push(end);
    }
    const bytes = scratch.slice(0, end);
    this.#adopt(bytes, rows, starts);
    return { bytes, ends };
  }

  /** A row from the store. Until `finishRestore` its bytes are read there. */
  restore(row: OpenRow, bytes: Uint8Array): void {
    this.#restored.push({ row, bytes });
    if (this.#restored.length === restoredRowsPerChunk) this.finishRestore();
  }

  finishRestore(): void {
    if (this.#restored.length === 0) return;
    let end = 0;
    const starts = this.#restored.map(({ bytes }) => (end += bytes.length) - bytes.length);
    const chunk = new Uint8Array(end);
    this.#restored.forEach(({ bytes }, i) => chunk.set(bytes, starts[i]));
    const rows = this.#restored.map(({ row }) => row);
    this.#adopt(chunk, rows, starts);
    this.#restored = [];
  }

  /** `row` needs its bytes no more, or finds them on disk. */
  release(row: OpenRow): void {
    const chunk = row.source;
    row.source = undefined;
    if (!(chunk instanceof RowChunk)) return;
    this.#count--;
    chunk.liveCount--;
    if (chunk.liveCount > 0) return;
    chunk.rows = [];
    chunk.bytes = noBytes;
    this.#emptyCount++;
  }

  /**
   * Releases the rows of the oldest chunks until at most `countMax` are left.
   * @param onSpilled of a row that is on disk alone now.
   */
  spill(countMax: number, onSpilled: (row: OpenRow) => void): void {
    for (const chunk of this.#chunks) {
      if (this.#count > countMax) {
        // The list goes when the last of it is released.
        const { rows } = chunk;
        for (const row of rows) {
          if (row.source !== chunk) continue;
          this.release(row);
          row.position = 0;
          onSpilled(row);
        }
      }
      if (chunk.liveCount > 0) break;
    }
    if (2 * this.#emptyCount < this.#chunks.length) return;
    this.#chunks = this.#chunks.filter(({ liveCount }) => liveCount > 0);
    this.#emptyCount = 0;
  }

  #adopt(bytes: Uint8Array, rows: OpenRow[], starts: readonly number[]): void {
    if (rows.length === 0) return;
    const chunk = new RowChunk(bytes);
    chunk.rows = rows;
    chunk.liveCount = rows.length;
    rows.forEach((row, i) => {
      row.source = chunk;
      row.position = starts[i]!;
    });
    this.#count += rows.length;
    this.#chunks.push(chunk);
  }
}

/** The bytes of a row alone, wherever it is. @param fetch from disk. */
export function packedRow(row: OpenRow, fetch: (number: number) => Uint8Array): Uint8Array {
  const { source, position } = row;
  if (source !== undefined && !(source instanceof RowChunk)) return packRow(source, position);
  const bytes = source?.bytes ?? fetch(row.number);
  return bytes.subarray(position, decodeRow(bytes, position).endOffset);
}

/** One row of a batch. */
export function packRow(batch: ImpressionBatch, row: number): Uint8Array {
  const scratch = new Uint8Array(rowBytesMax(batch, row));
  return scratch.subarray(0, encodeRow(batch, row, scratch, 0));
}

/** A row with its state, as the store has it. */
export function storedRow(row: OpenRow, packed: Uint8Array): Uint8Array {
  assert(row.open !== 0, 'only open rows are stored whole');
  const bytes = new Uint8Array(packed.length + stateBytesMax(row));
  bytes.set(packed);
  const { user, endOffset } = decodeRow(packed, 0);
  if (endOffset !== packed.length)
    throw new StarlingError(
      'CORRUPT',
      `a packed row of ${packed.length} bytes ends at ${endOffset}`,
    );
  return bytes.subarray(0, encodeState(row, user, bytes, packed.length));
}
