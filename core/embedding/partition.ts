import { assert } from '../base/assert.js';
import { digestText, emptyDigest } from './digest.js';
import { EmbeddingTable, type TableOptions, type TableSpec } from './embedding-table.js';
import type { EvictionPolicy } from './eviction.js';
import { wholeColumns, type RowColumns, type RowTarget } from './rows.js';
import type { RowsPage as TablePage } from './stored-rows.js';

/**
 * What changed in a partition, grouped by slot; a follower applies the evictions first:
 *
 *   evictedCounts  u32 [slotCount]              keys that went, per slot
 *   evicted        u32 [2·Σ evictedCounts]      slot after slot
 *   counts         u32 [slotCount]              rows that changed, per slot
 *   fids           u32 [2·Σ counts]             their keys, slot after slot
 *   weights        f32 [Σ counts[s]·dim[s]]
 *   state          f32 [Σ counts[s]·stateWidth[s]]
 *   updatedAt      u32 [Σ counts]               event seconds of the newest update
 *   updateCounts   u32 [Σ counts]
 */
export interface PartitionDelta extends PartitionRows {
  readonly state: Float32Array;
  readonly evictedCounts: Uint32Array;
  readonly evicted: Uint32Array;
}

export interface PartitionRows {
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
  readonly weights: Float32Array;
  /** Absent: rows keep the state they have, new ones start fresh. */
  readonly state: Float32Array | undefined;
  readonly updatedAt: Uint32Array;
  readonly updateCounts: Uint32Array;
}

/** Rows of one slot, for snapshots. */
export interface PartitionPage extends RowColumns {
  /** Position among the tables. */
  readonly slotIndex: number;
  /** Where the next page begins; undefined after the last. */
  readonly nextCursor: number | undefined;
}

export interface PartitionCapacity {
  /** Of rows, their keys and their places in the index; what is freed is used again, not given back. */
  readonly bytesMax: number;
  readonly evict: EvictionPolicy;
}

/** Rows copied out at once; any number would do. */
const becomePageRows = 4_096;

/** A cursor of the walk over all slots: slot · cursorRows + row. */
const cursorRows = 2 ** 31;

/**
 * One hash range of keys: a table per slot, in the order of the specs. Batches are grouped by slot: counts[countsStart +
 * s] fids of slot s, fids concatenated by slot, rows too. fidStart counts pairs, other starts count array elements.
 * Methods return the floats of rows they read or wrote, so that a message with several partitions is walked in one pass.
 */
export class EmbeddingPartition {
  readonly partition: number;
  readonly tables: readonly EmbeddingTable[];
  /** Where the next delta begins to share out its limit, so that a busy slot cannot starve the others. */
  #nextSlot = 0;
  #sweepSlot = 0;
  readonly #capacity: PartitionCapacity | undefined;

  /** @param options of each table. */
  constructor(
    partition: number,
    specs: readonly TableSpec[],
    capacity?: PartitionCapacity,
    options: TableOptions = {},
  ) {
    this.partition = partition;
    this.tables = specs.map((spec) => new EmbeddingTable(spec, options));
    this.#capacity = capacity;
  }

  get rowCount(): number {
    return this.#sum((table) => table.rowCount);
  }

  get touchedCount(): number {
    return this.#sum((table) => table.touchedCount);
  }

  /** Evicted keys that the next deltas will tell. */
  get evictedCount(): number {
    return this.#sum((table) => table.evictedCount);
  }

  /** Keys removed, evicted or expired so far. */
  get evictionCount(): number {
    return this.#sum((table) => table.evictionCount);
  }

  get bytes(): number {
    return this.#sum((table) => table.bytes);
  }

  /** Training pull; see EmbeddingTable.pull. */
  pull(
    counts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
    out: Float32Array,
    outStart: number,
  ): number {
    let fid = fidStart;
    let float = outStart;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(counts, countsStart + s);
      table.pull(fids, fid, count, out, float);
      fid += count;
      float += count * table.dim;
    }
    return float - outStart;
  }

  /** Gradients in, see EmbeddingTable.push; then rows out, if there are more than the capacity allows. */
  push(
    counts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
    grads: Float32Array,
    gradStart: number,
    atSeconds: number,
    step: number,
    squares?: Float32Array,
  ): number {
    let fid = fidStart;
    let float = gradStart;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(counts, countsStart + s);
      table.push(fids, fid, count, grads, float, atSeconds, step, squares);
      fid += count;
      float += count * table.dim;
    }
    if (this.#capacity) this.#makeRoom(this.#capacity);
    return float - gradStart;
  }

  /** Follower side: rows in; see EmbeddingTable.assign. */
  assign(rows: PartitionRows): void {
    let rowStart = 0;
    let weightsStart = 0;
    let stateStart = 0;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(rows.counts, s);
      table.assign({ ...rows, count, rowStart, weightsStart, stateStart });
      rowStart += count;
      weightsStart += count * table.dim;
      stateStart += count * table.stateWidth;
    }
  }

  /**
   * Becomes what `wanted` is, which has the same slots, a page per step, so that the caller may do something else in
   * between; nothing may change the rows meanwhile. What differs counts as changed here and goes the way of every other
   * change. Ends with how many rows changed and how many went. O(rows of both).
   */
  *become(wanted: EmbeddingPartition): Generator<void, { changed: number; removed: number }> {
    let changed = 0;
    let removed = 0;
    for (const [s, table] of this.tables.entries()) {
      const source = wanted.tables[s]!;
      for (let cursor: number | undefined = 0; cursor !== undefined;) {
        const page = source.rowsFrom(cursor, becomePageRows);
        changed += table.adopt(wholeColumns(page));
        cursor = page.nextCursor;
        yield;
      }
      for (let cursor: number | undefined = 0; cursor !== undefined;) {
        const page: TablePage = table.rowsFrom(cursor, becomePageRows);
        removed += removeOthers(table, page, source);
        cursor = page.nextCursor;
        yield;
      }
    }
    return { changed, removed };
  }

  /** Follower side: keys out, that somebody else evicted. */
  forget(evictedCounts: Uint32Array, evicted: Uint32Array): void {
    let fid = 0;
    for (let s = 0; s < this.tables.length; s++) {
      const count = countAt(evictedCounts, s);
      this.tables[s]!.forget(evicted, fid, count);
      fid += count;
    }
  }

  /**
   * Looks at up to `rowsMax` rows for expired ones, going on where the last call ended, slot after slot; returns how
   * many went. @param nowSeconds event time; see EmbeddingTable.sweep.
   */
  sweep(nowSeconds: number, rowsMax: number): number {
    let expired = 0;
    let left = rowsMax;
    for (let i = 0; i < this.tables.length && left > 0; i++) {
      const {
        visited,
        expired: gone,
        finished,
      } = this.tables[this.#sweepSlot]!.sweep(nowSeconds, left);
      expired += gone;
      left -= visited;
      // A large table is swept over several calls before the next has its turn.
      if (finished) this.#sweepSlot = (this.#sweepSlot + 1) % this.tables.length;
    }
    return expired;
  }

  /** A page of one slot's rows for snapshots; begin with cursor 0. See EmbeddingTable.rowsFrom. */
  rowsFrom(cursor: number, limit: number): PartitionPage {
    let slotIndex = Math.floor(cursor / cursorRows);
    assert(slotIndex < this.tables.length, 'the cursor is one that a page gave');
    const page = this.tables[slotIndex]!.rowsFrom(cursor % cursorRows, limit);
    const { nextCursor } = page;
    if (nextCursor !== undefined)
      return { ...page, slotIndex, nextCursor: slotIndex * cursorRows + nextCursor };
    const last = ++slotIndex === this.tables.length;
    return {
      ...page,
      slotIndex: slotIndex - 1,
      nextCursor: last ? undefined : slotIndex * cursorRows,
    };
  }

  /** Floats of weights that a batch with these counts holds. */
  weightFloats(counts: Uint32Array, countsStart: number): number {
    let floats = 0;
    for (let s = 0; s < this.tables.length; s++)
      floats += countAt(counts, countsStart + s) * this.tables[s]!.dim;
    return floats;
  }

  /** Floats of optimizer state that a delta with these counts holds. */
  stateFloats(counts: Uint32Array, countsStart: number): number {
    let floats = 0;
    for (let s = 0; s < this.tables.length; s++) {
      floats += countAt(counts, countsStart + s) * this.tables[s]!.stateWidth;
    }
    return floats;
  }

  /** What changed since it was last taken, at most `limit` keys in all; the rest waits. O(what is taken). */
  takeDelta(limit = Infinity): PartitionDelta {
    const evictedCounts = this.#shareOut(limit, (table) => table.evictedCount);
    const evictedCount = sumOf(evictedCounts);
    const evicted = new Uint32Array(2 * evictedCount);
    let start = 0;
    for (const [s, table] of this.tables.entries())
      start += table.takeEvictedInto(evicted, start, evictedCounts[s]!);
    // No slot's rows before all of its evictions.
    const left = limit - evictedCount;
    const counts = this.#shareOut(left, (table) =>
      table.evictedCount > 0 ? 0 : table.touchedCount,
    );
    if (this.tables.length > 0) this.#nextSlot = (this.#nextSlot + 1) % this.tables.length;
    const rows = {
      fids: new Uint32Array(2 * sumOf(counts)),
      weights: new Float32Array(this.weightFloats(counts, 0)),
      state: new Float32Array(this.stateFloats(counts, 0)),
      updatedAt: new Uint32Array(sumOf(counts)),
      updateCounts: new Uint32Array(sumOf(counts)),
    };
    let target: RowTarget = wholeColumns(rows);
    for (const [s, table] of this.tables.entries()) {
      const count = counts[s]!;
      const taken = table.takeRowsInto(target, count);
      assert(taken === count, 'a table gives the touched rows it counted');
      target = {
        ...target,
        rowStart: target.rowStart + count,
        weightsStart: target.weightsStart + count * table.dim,
        stateStart: target.stateStart + count * table.stateWidth,
      };
    }
    return { evictedCounts, evicted, counts, ...rows };
  }

  /**
   * Digest of keys, weights, optimizer state, update times and counts, whatever the order they came in. Without state
   * it is of keys and weights alone and can be compared with a serving follower, which has nothing else.
   */
  digest(withState = true): string {
    const lanes = emptyDigest();
    for (const table of this.tables) table.addToDigest(lanes, withState);
    return digestText(lanes);
  }

  /** Every table agrees with itself. O(rows), for tests and chaos. */
  verify(): void {
    for (const table of this.tables) table.verify();
  }

  #shareOut(limit: number, available: (table: EmbeddingTable) => number): Uint32Array {
    const counts = new Uint32Array(this.tables.length);
    let left = limit;
    for (let i = 0; i < this.tables.length && left > 0; i++) {
      const s = (this.#nextSlot + i) % this.tables.length;
      counts[s] = Math.min(left, available(this.tables[s]!));
      left -= counts[s];
    }
    return counts;
  }

  /** Takes from each slot in proportion to what it holds. Rows of the last push are the newest, so they stay. */
  #makeRoom({ bytesMax, evict }: PartitionCapacity): void {
    const bytes = this.#sum((table) => table.rowCount * table.rowBytes);
    if (bytes <= bytesMax) return;
    const share = (bytes - bytesMax) / bytes;
    for (const table of this.tables) table.evict(Math.ceil(table.rowCount * share), evict);
  }

  #sum(measure: (table: EmbeddingTable) => number): number {
    let total = 0;
    for (const table of this.tables) total += measure(table);
    return total;
  }
}

/** Those of a page that `kept` does not have. */
function removeOthers(table: EmbeddingTable, page: TablePage, kept: EmbeddingTable): number {
  let removed = 0;
  for (let i = 0; i < page.count; i++) {
    if (kept.updateCount(page.fids[2 * i]!, page.fids[2 * i + 1]!) > 0) continue;
    removed += table.remove(page.fids, i, 1);
  }
  return removed;
}

function sumOf(counts: Uint32Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

function countAt(counts: Uint32Array, index: number): number {
  const count = counts[index];
  assert(count !== undefined, 'there is a count for each slot');
  return count;
}
