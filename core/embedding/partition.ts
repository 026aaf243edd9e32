import { assert } from '../base/assert.js';
import { digestText, emptyDigest } from './digest.js';
import { EmbeddingTable, type TableSpec } from './embedding-table.js';

/**
 * Changed rows of a partition, grouped by slot:
 *
 *   counts   u32 [slotCount]              rows per slot
 *   fids     u32 [2·Σ counts]             keys, slot after slot
 *   weights  f32 [Σ counts[s]·dim[s]]
 *   state    f32 [Σ counts[s]·stateWidth[s]]
 */
export interface PartitionDelta {
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
  readonly weights: Float32Array;
  readonly state: Float32Array;
}

/**
 * One hash range of keys: a table per slot, in the order of the specs. Batches are grouped by slot: counts[countsStart +
 * s] fids of slot s, fids concatenated by slot, rows too. fidStart counts pairs, other starts count array elements.
 * Methods return the floats of rows they read or wrote, so that a message with several partitions is walked in one pass.
 */
export class EmbeddingPartition {
  readonly partition: number;
  readonly tables: readonly EmbeddingTable[];
  /** Where the next delta begins to share out its limit, so that a busy slot cannot starve the others. */
  private nextSlot = 0;

  constructor(partition: number, specs: readonly TableSpec[]) {
    this.partition = partition;
    this.tables = specs.map((spec) => new EmbeddingTable(spec));
  }

  get slotCount(): number {
    return this.tables.length;
  }

  get rowCount(): number {
    return this.sum((table) => table.rowCount);
  }

  get touchedCount(): number {
    return this.sum((table) => table.touchedCount);
  }

  get bytes(): number {
    return this.sum((table) => table.bytes);
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

  /** Serving lookup; returns how many rows were absent, unlike its siblings. */
  lookup(
    counts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
    out: Float32Array,
    outStart: number,
  ): number {
    let absent = 0;
    let fid = fidStart;
    let float = outStart;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(counts, countsStart + s);
      absent += table.lookup(fids, fid, count, out, float);
      fid += count;
      float += count * table.dim;
    }
    return absent;
  }

  /** Gradients in; see EmbeddingTable.push. */
  push(
    counts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
    grads: Float32Array,
    gradStart: number,
    atSeconds: number,
  ): number {
    let fid = fidStart;
    let float = gradStart;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(counts, countsStart + s);
      table.push(fids, fid, count, grads, float, atSeconds);
      fid += count;
      float += count * table.dim;
    }
    return float - gradStart;
  }

  /** Follower side: a delta or snapshot page in; see EmbeddingTable.assign. Returns the floats of weights read. */
  assign(
    counts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
    weights: Float32Array,
    weightsStart: number,
    state: Float32Array | undefined,
    stateStart: number,
    atSeconds: number,
  ): number {
    let fid = fidStart;
    let float = weightsStart;
    let stateFloat = stateStart;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(counts, countsStart + s);
      table.assign(fids, fid, count, weights, float, state, stateFloat, atSeconds);
      fid += count;
      float += count * table.dim;
      stateFloat += count * table.stateWidth;
    }
    return float - weightsStart;
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

  /** Rows changed since they were last taken, at most `limit` in all; the rest stays touched. O(rows taken). */
  takeDelta(limit = Infinity): PartitionDelta {
    const counts = this.shareOut(limit);
    let rowCount = 0;
    for (const count of counts) rowCount += count;
    const fids = new Uint32Array(2 * rowCount);
    const weights = new Float32Array(this.weightFloats(counts, 0));
    const state = new Float32Array(this.stateFloats(counts, 0));
    let fidStart = 0;
    let weightsStart = 0;
    let stateStart = 0;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = counts[s]!;
      const taken = table.takeTouchedInto(
        { fids, fidStart, weights, weightsStart, state, stateStart },
        count,
      );
      assert(taken === count, 'a table gives the touched rows it counted');
      fidStart += count;
      weightsStart += count * table.dim;
      stateStart += count * table.stateWidth;
    }
    return { counts, fids, weights, state };
  }

  /**
   * Digest of keys, weights and optimizer state, whatever the order they came in. Without state it can be compared
   * with a serving follower, which has none.
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

  private shareOut(limit: number): Uint32Array {
    const counts = new Uint32Array(this.tables.length);
    let left = limit;
    for (let i = 0; i < this.tables.length && left > 0; i++) {
      const s = (this.nextSlot + i) % this.tables.length;
      counts[s] = Math.min(left, this.tables[s]!.touchedCount);
      left -= counts[s];
    }
    if (this.tables.length > 0) this.nextSlot = (this.nextSlot + 1) % this.tables.length;
    return counts;
  }

  private sum(measure: (table: EmbeddingTable) => number): number {
    let total = 0;
    for (const table of this.tables) total += measure(table);
    return total;
  }
}

function countAt(counts: Uint32Array, index: number): number {
  const count = counts[index];
  assert(count !== undefined, 'there is a count for each slot');
  return count;
}
