import { encodeRow, rowBytesMax } from './row-codec.js';
import type { ImpressionBatch } from './types.js';

/** The number of a row that no drain has handed out yet. */
export const unstored = -1;

/** Packed rows one after the other, and who they belong to. */
export class RowChunk {
  bytes: Uint8Array;
  rows: OpenImpression[] = [];
  /** Rows that still read their bytes here. */
  liveCount = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** An impression whose window has not ended. */
export class OpenImpression {
  readonly key: string;
  readonly atMs: number;
  /** Where the row is: the batch it came in, the chunk its drain packed it into, or undefined: on disk only, or closed. */
  source: ImpressionBatch | RowChunk | undefined;
  /** Row index in a batch, byte offset in a chunk, 0 on disk. */
  position: number;
  number: number;
  isOpen = true;

  constructor(
    key: string,
    atMs: number,
    source: OpenImpression['source'],
    position: number,
    number = unstored,
  ) {
    this.key = key;
    this.atMs = atMs;
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
  #restored: { impression: OpenImpression; bytes: Uint8Array }[] = [];

  /** Packs rows that still refer to their batch, and returns the end of each in the chunk. */
  pack(impressions: OpenImpression[]): { bytes: Uint8Array; ends: number[] } {
    let bytesMax = 0;
    for (const { source, position } of impressions)
      bytesMax += rowBytesMax(source as ImpressionBatch, position);
    const scratch = new Uint8Array(bytesMax);
    const ends: number[] = [];
    const starts: number[] = [];
    let end = 0;
    for (const { source, position } of impressions) {
      starts.push(end);
      end = encodeRow(source as ImpressionBatch, position, scratch, end);
      ends.push(end);
    }
    const bytes = scratch.slice(0, end);
    this.#adopt(bytes, impressions, starts);
    return { bytes, ends };
  }

  /** A row from the store. `finishRestore` makes it readable. */
  restore(impression: OpenImpression, bytes: Uint8Array): void {
    this.#restored.push({ impression, bytes });
    if (this.#restored.length === restoredRowsPerChunk) this.finishRestore();
  }

  finishRestore(): void {
    let end = 0;
    const starts = this.#restored.map(({ bytes }) => (end += bytes.length) - bytes.length);
    const chunk = new Uint8Array(end);
    this.#restored.forEach(({ bytes }, i) => chunk.set(bytes, starts[i]));
    const impressions = this.#restored.map(({ impression }) => impression);
    this.#adopt(chunk, impressions, starts);
    this.#restored = [];
  }

  /** `impression` needs its bytes no more, or finds them on disk. */
  release(impression: OpenImpression): void {
    const chunk = impression.source;
    impression.source = undefined;
    if (!(chunk instanceof RowChunk)) return;
    this.#count--;
    chunk.liveCount--;
    if (chunk.liveCount > 0) return;
    chunk.rows = [];
    chunk.bytes = noBytes;
  }

  /** Releases the rows of the oldest chunks until at most `countMax` are left. Chunks without rows are dropped. */
  spill(countMax: number): void {
    let dropped = 0;
    for (const chunk of this.#chunks) {
      if (this.#count > countMax) {
        for (const impression of chunk.rows) {
          if (impression.source !== chunk) continue;
          this.release(impression);
          impression.position = 0;
        }
      }
      if (chunk.liveCount > 0) break;
      dropped++;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  #adopt(bytes: Uint8Array, impressions: OpenImpression[], starts: readonly number[]): void {
    if (impressions.length === 0) return;
    const chunk = new RowChunk(bytes);
    chunk.rows = impressions;
    chunk.liveCount = impressions.length;
    impressions.forEach((impression, i) => {
      impression.source = chunk;
      impression.position = starts[i]!;
    });
    this.#count += impressions.length;
    this.#chunks.push(chunk);
  }
}
