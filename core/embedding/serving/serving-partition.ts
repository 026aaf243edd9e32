import { assert } from '../../base/assert.js';
import { digestText, emptyDigest } from '../digest.js';
import { ServingTable, type ServingTableSpec } from './serving-table.js';

/**
 * One hash range of keys as it is served: a table per slot, in the order of the specs; the read side of
 * EmbeddingPartition. Batches are grouped by slot: counts[countsStart + s] fids of slot s, fids concatenated by slot,
 * rows too. fidStart counts pairs, other starts count array elements.
 */
export class ServingPartition {
  readonly partition: number;
  readonly tables: readonly ServingTable[];

  constructor(partition: number, specs: readonly ServingTableSpec[]) {
    this.partition = partition;
    this.tables = specs.map((spec) => new ServingTable(spec));
  }

  get rowCount(): number {
    return this.#sum((table) => table.rowCount);
  }

  get bytes(): number {
    return this.#sum((table) => table.bytes);
  }

  /** See ServingTable.saturatedCount. */
  get saturatedCount(): number {
    return this.#sum((table) => table.saturatedCount);
  }

  /** A delta or snapshot page in; returns the floats of weights read. */
  assign(
    counts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
    weights: Float32Array,
    weightsStart: number,
  ): number {
    let fid = fidStart;
    let float = weightsStart;
    for (let s = 0; s < this.tables.length; s++) {
      const table = this.tables[s]!;
      const count = countAt(counts, countsStart + s);
      table.assign(fids, fid, count, weights, float);
      fid += count;
      float += count * table.dim;
    }
    return float - weightsStart;
  }

  /** Evictions in; returns how many rows there were. */
  remove(
    evictedCounts: Uint32Array,
    countsStart: number,
    fids: Uint32Array,
    fidStart: number,
  ): number {
    let removed = 0;
    let fid = fidStart;
    for (let s = 0; s < this.tables.length; s++) {
      const count = countAt(evictedCounts, countsStart + s);
      removed += this.tables[s]!.remove(fids, fid, count);
      fid += count;
    }
    return removed;
  }

  /** Decoded weights out, zeros for absent rows; returns how many were absent. */
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

  /** Floats of weights that a batch with these counts holds. */
  weightFloats(counts: Uint32Array, countsStart: number): number {
    let floats = 0;
    for (let s = 0; s < this.tables.length; s++)
      floats += countAt(counts, countsStart + s) * this.tables[s]!.dim;
    return floats;
  }

  /** Digest of keys and stored weights, whatever the order they came in; comparable between replicas of one form. */
  digest(): string {
    const lanes = emptyDigest();
    for (const table of this.tables) table.addToDigest(lanes);
    return digestText(lanes);
  }

  /** Every table agrees with itself. O(rows), for tests and chaos. */
  verify(): void {
    for (const table of this.tables) table.verify();
  }

  #sum(measure: (table: ServingTable) => number): number {
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
