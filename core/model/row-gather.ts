import { assert } from '../base/assert.js';
import { partitionOf } from '../base/fid.js';
import type { ExampleBatch } from '../features/example-batch.js';
import { hashPair } from '../base/hash.js';

/**
 * From a batch of examples to the rows it needs, and back. A batch names a fid many times (every example of one user
 * names that user), so fids are made unique, ordered by partition and then slot, and sent as contiguous runs, one per
 * owner. Rows come back in the same order; `inverse` says which row each fid of the batch reads.
 *
 *   fids     | partition 0: slot 0 … slot S−1 | partition 1: slot 0 … | …      2 words each
 *   rows     | the same order                                                  dim floats each
 *   inverse  fid index in the batch → row index
 *
 * Sketch: a batch of 1024 × 7 slots has ~8 k fids; one probe of an open-addressed table each (half full at most),
 * no object, Map or BigInt per key. Measured on one core: 48 M fids/s at 1024 rows, ordering included; one Map of BigInt
 * per slot 21 M/s without the ordering (bench/training).
 */
export interface GatherPlan {
  readonly partitionCount: number;
  readonly slotCount: number;
  /** Unique fids. */
  readonly uniqueCount: number;
  /** u32 [partitionCount · slotCount]: unique fids per (partition, slot). */
  readonly counts: Uint32Array;
  /** u32 [partitionCount + 1]: partition p owns rows partitionStarts[p] … partitionStarts[p + 1]. */
  readonly partitionStarts: Uint32Array;
  /** u32 pairs (low, high) [2 · uniqueCount]. */
  readonly fids: Uint32Array;
  /** u32 [fids in the batch]: row index of each. */
  readonly inverse: Uint32Array;
}

/** How the rows of a slot with several values become one; a slot without values gives zeros. */
export type Pooling = 'sum' | 'mean';

const tableSeed = 0x51ab0e;

/** Makes plans, keeping its scratch memory between batches. Not re-entrant; plans own their arrays. */
export class FidDeduper {
  /** Unique index + 1 by hash of (slot, key); 0 = free. Always at least twice as long as the batch has fids. */
  #table = new Int32Array(1024);
  #uniqueLow = new Uint32Array(512);
  #uniqueHigh = new Uint32Array(512);
  /** partition · slotCount + slot of a unique fid. */
  #group = new Uint32Array(512);

  /** @param rowsOf by slot, the slot whose rows its fids have; their own where it is left out. */
  plan(batch: ExampleBatch, partitionCount: number, rowsOf?: ArrayLike<number>): GatherPlan {
    const fidCount = batch.fids.length / 2;
    assert(
      batch.offsets[batch.rowCount * batch.slotCount] === fidCount,
      `offsets end at ${batch.offsets[batch.rowCount * batch.slotCount]}, batch has ${fidCount} fids`,
    );
    this.#reserve(fidCount);
    const inverse = new Uint32Array(fidCount);
    const uniqueCount = this.#unify(batch, inverse, rowsOf);
    const { slotCount } = batch;
    const groups = partitionCount * slotCount;
    const counts = new Uint32Array(groups);
    this.#assignGroups(uniqueCount, slotCount, partitionCount, counts);
    const starts = new Uint32Array(groups + 1);
    for (let g = 0; g < groups; g++) starts[g + 1] = starts[g]! + counts[g]!;
    const partitionStarts = new Uint32Array(partitionCount + 1);
    for (let p = 1; p <= partitionCount; p++) partitionStarts[p] = starts[p * slotCount]!;
    const fids = this.#order(uniqueCount, starts, inverse);
    return { partitionCount, slotCount, uniqueCount, counts, partitionStarts, fids, inverse };
  }

  #reserve(fidCount: number): void {
    if (fidCount > this.#uniqueLow.length) {
      const capacity = powerOfTwoFrom(fidCount);
      this.#table = new Int32Array(2 * capacity);
      this.#uniqueLow = new Uint32Array(capacity);
      this.#uniqueHigh = new Uint32Array(capacity);
      this.#group = new Uint32Array(capacity);
    }
  }

  /** Numbers the distinct (slot, key) in order of first sight, into `inverse`; `group` holds the slot. */
  #unify(batch: ExampleBatch, inverse: Uint32Array, rowsOf: ArrayLike<number> | undefined): number {
    const { rowCount, slotCount, offsets, fids } = batch;
    const uniqueLow = this.#uniqueLow;
    const uniqueHigh = this.#uniqueHigh;
    const group = this.#group;
    // A small batch clears and probes only the front of a table that a large one has grown.
    const table = this.#table.subarray(0, 2 * powerOfTwoFrom(Math.max(1, inverse.length)));
    table.fill(0);
    const mask = table.length - 1;
    let uniqueCount = 0;
    for (let cell = 0; cell < rowCount * slotCount; cell++) {
      const slot = rowsOf ? rowsOf[cell % slotCount]! : cell % slotCount;
      const end = offsets[cell + 1]!;
      for (let i = offsets[cell]!; i < end; i++) {
        const low = fids[2 * i]!;
        const high = fids[2 * i + 1]!;
        let position = hashPair(low, high, tableSeed + slot) & mask;
        let unique: number;
        while ((unique = table[position]! - 1) >= 0) {
          if (uniqueLow[unique] === low && uniqueHigh[unique] === high && group[unique] === slot)
            break;
          position = (position + 1) & mask;
        }
        if (unique < 0) {
          unique = uniqueCount++;
          table[position] = unique + 1;
          uniqueLow[unique] = low;
          uniqueHigh[unique] = high;
          group[unique] = slot;
        }
        inverse[i] = unique;
      }
    }
    return uniqueCount;
  }

  #assignGroups(
    uniqueCount: number,
    slotCount: number,
    partitionCount: number,
    counts: Uint32Array,
  ): void {
    const uniqueLow = this.#uniqueLow;
    const uniqueHigh = this.#uniqueHigh;
    const group = this.#group;
    for (let u = 0; u < uniqueCount; u++) {
      const partition = partitionOf(uniqueLow[u]!, uniqueHigh[u]!, partitionCount);
      const g = partition * slotCount + group[u]!;
      group[u] = g;
      counts[g]!++;
    }
  }

  /** Counting sort by group; `group` becomes the final position, and `inverse` follows. Consumes `starts`. */
  #order(uniqueCount: number, starts: Uint32Array, inverse: Uint32Array): Uint32Array {
    const uniqueLow = this.#uniqueLow;
    const uniqueHigh = this.#uniqueHigh;
    const group = this.#group;
    const fids = new Uint32Array(2 * uniqueCount);
    for (let u = 0; u < uniqueCount; u++) {
      const position = starts[group[u]!]!++;
      group[u] = position;
      fids[2 * position] = uniqueLow[u]!;
      fids[2 * position + 1] = uniqueHigh[u]!;
    }
    for (let i = 0; i < inverse.length; i++) inverse[i] = group[inverse[i]!]!;
    return fids;
  }
}

function powerOfTwoFrom(count: number): number {
  return count <= 1 ? 1 : 2 ** (32 - Math.clz32(count - 1));
}

export interface RowPooling {
  readonly plan: GatherPlan;
  readonly batch: ExampleBatch;
  /** Values per row. */
  readonly dim: number;
  /** One per slot. */
  readonly poolings: readonly Pooling[];
}

/**
 * @param rows f32 [uniqueCount × dim] in the plan's order.
 * @returns f32 [n × slotCount × dim], the sum or mean of each slot's rows.
 */
export function poolRows(
  { plan, batch, dim, poolings }: RowPooling,
  rows: Float32Array,
): Float32Array {
  assert(
    rows.length === plan.uniqueCount * dim,
    `${rows.length} values for ${plan.uniqueCount} rows of ${dim}`,
  );
  const { offsets, slotCount } = batch;
  const { inverse } = plan;
  const means = poolings.map((pooling) => pooling === 'mean');
  const cells = batch.rowCount * slotCount;
  const pooled = new Float32Array(cells * dim);
  for (let cell = 0; cell < cells; cell++) {
    const start = offsets[cell]!;
    const end = offsets[cell + 1]!;
    const target = cell * dim;
    for (let i = start; i < end; i++) {
      const source = inverse[i]! * dim;
      for (let d = 0; d < dim; d++) pooled[target + d]! += rows[source + d]!;
    }
    if (end - start > 1 && means[cell % slotCount]!) {
      const scale = 1 / (end - start);
      for (let d = 0; d < dim; d++) pooled[target + d]! *= scale;
    }
  }
  return pooled;
}

/** Of the first row, the slots in front and behind that all rows share (core/features/shared-rows.ts). */
export interface SharedSlots {
  readonly before: number;
  readonly behind: number;
}

/**
 * Gives all rows the shared slots of the first.
 *
 * @param pooled f32 [n × slotCount × dim]
 */
export function spreadShared(
  pooled: Float32Array,
  { slotCount, dim }: { readonly slotCount: number; readonly dim: number },
  { before, behind }: SharedSlots,
): void {
  const width = slotCount * dim;
  const from = width - behind * dim;
  for (let start = width; start < pooled.length; start += width) {
    pooled.copyWithin(start, 0, before * dim);
    pooled.copyWithin(start + from, from, width);
  }
}

/**
 * The transpose of `poolRows`: every row's gradient is the sum over the places it was read from.
 *
 * @param pooledGradient f32 [n × slotCount × dim].
 * @returns f32 [uniqueCount × dim] in the plan's order.
 */
export function scatterGradients(
  { plan, batch, dim, poolings }: RowPooling,
  pooledGradient: Float32Array,
): Float32Array {
  const { offsets, slotCount } = batch;
  const { inverse } = plan;
  const cells = batch.rowCount * slotCount;
  assert(
    pooledGradient.length === cells * dim,
    `${pooledGradient.length} gradients for ${cells} cells of ${dim}`,
  );
  const means = poolings.map((pooling) => pooling === 'mean');
  const gradients = new Float32Array(plan.uniqueCount * dim);
  for (let cell = 0; cell < cells; cell++) {
    const start = offsets[cell]!;
    const end = offsets[cell + 1]!;
    const source = cell * dim;
    const scale = end - start > 1 && means[cell % slotCount]! ? 1 / (end - start) : 1;
    for (let i = start; i < end; i++) {
      const target = inverse[i]! * dim;
      for (let d = 0; d < dim; d++) gradients[target + d]! += pooledGradient[source + d]! * scale;
    }
  }
  return gradients;
}
