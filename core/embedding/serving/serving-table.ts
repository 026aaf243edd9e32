import { assert } from '../../base/assert.js';
import { mix32 } from '../../base/hash.js';
import { absentRow, CuckooIndex } from '../cuckoo-index.js';
import { addRow, type DigestLanes } from '../digest.js';
import { rowBytesOf, type Compression } from './compression.js';
import { decodeByKernel } from './decode-by-kernel.js';
import { decodeFp16, decodeFp32, decodeInt8, warmPackedRows } from './decode-rows.js';
import { encodeFp16, encodeFp32, encodeInt8 } from './encode-row.js';
import { PackedRows } from './packed-rows.js';

/** What a slot's rows are in serving. Two tables with the same spec that were assigned the same rows hold the same bits. */
export interface ServingTableSpec {
  readonly slot: number;
  /** Weights per row. */
  readonly dim: number;
  readonly compression: Compression;
  readonly seed: number;
  /** Leading weights that int8 leaves in fp32, such as the first-order weight; default 0. Other forms ignore it. */
  readonly fp32Prefix?: number;
}

export interface ServingColumns {
  readonly fids: Uint32Array;
  readonly weights: Float32Array;
}

export interface ServingPage extends ServingColumns {
  readonly count: number;
  /** Where the next page begins; undefined after the last. */
  readonly nextCursor: number | undefined;
}

/** Keys per inner batch. Too high: rows leave the first-level cache between touch and use. Too low: call overhead. */
const blockFids = 128;
// Shared by all tables: no batch yields to another.
const blockRows = new Int32Array(blockFids);

/**
 * The rows of one slot as they are served: weights only, compressed; see compression.ts for the forms and their error.
 * fids are u32 pairs (low, high); fidStart and fidCount count pairs; weights are f32, row-major, their starts count
 * floats.
 */
export class ServingTable {
  readonly slot: number;
  readonly dim: number;
  readonly compression: Compression;
  readonly fp32Prefix: number;
  readonly #index: CuckooIndex;
  readonly #rows: PackedRows;
  #saturated = 0;

  constructor(spec: ServingTableSpec) {
    this.slot = spec.slot;
    this.dim = spec.dim;
    this.compression = spec.compression;
    this.fp32Prefix = spec.compression === 'int8' ? (spec.fp32Prefix ?? 0) : 0;
    this.#index = new CuckooIndex({ seed: mix32(spec.seed ^ spec.slot) });
    this.#rows = new PackedRows(rowBytesOf(spec.compression, spec.dim, this.fp32Prefix));
  }

  get rowCount(): number {
    return this.#rows.rowCount;
  }

  /** Memory of rows, their keys and the index. */
  get bytes(): number {
    return this.#index.bytes + this.#rows.bytes;
  }

  /** Weights assigned so far that were not finite or too large for the form, and were changed. */
  get saturatedCount(): number {
    return this.#saturated;
  }

  /** Sets weights [fidCount × dim]; a row that is absent is inserted. A fid sent twice keeps the latter weights. */
  assign(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    weights: Float32Array,
    weightsStart: number,
  ): void {
    const { dim } = this;
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(weightsStart + fidCount * dim <= weights.length, 'there are weights for each fid');
    for (let done = 0; done < fidCount; done += blockFids) {
      const count = Math.min(blockFids, fidCount - done);
      this.#findOrInsert(fids, fidStart + done, count);
      warmPackedRows(this.#rows, blockRows, count);
      for (let i = 0; i < count; i++)
        this.#encode(weights, weightsStart + (done + i) * dim, blockRows[i]!);
    }
  }

  /** Removes rows, whose memory is used for the next new ones; returns how many there were. */
  remove(fids: Uint32Array, fidStart: number, fidCount: number): number {
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    let removed = 0;
    for (let i = fidStart; i < fidStart + fidCount; i++) {
      const row = this.#index.remove(fids[2 * i]! | 0, fids[2 * i + 1]! | 0);
      if (row === absentRow) continue;
      this.#rows.release(row);
      removed++;
    }
    return removed;
  }

  /** Decoded weights [fidCount × dim], zeros for an absent row. Returns how many were absent. */
  lookup(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    out: Float32Array,
    outStart: number,
  ): number {
    const { dim } = this;
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(outStart + fidCount * dim <= out.length, 'looked-up rows fit the output');
    let absent = 0;
    for (let done = 0; done < fidCount; done += blockFids) {
      const count = Math.min(blockFids, fidCount - done);
      const start = fidStart + done;
      const target = outStart + done * dim;
      let missing = -1;
      if (this.compression === 'fp32')
        missing = this.#index.lookup(this.#rows, fids, start, count, dim, out, target);
      if (missing < 0) {
        missing = count - this.#index.find(fids, start, count, blockRows, 0);
        this.#decode(count, out, target);
      }
      absent += missing;
    }
    return absent;
  }

  /**
   * A page of at most `limit` rows for snapshots, decoded; begin with cursor 0. A row that lives through the whole walk
   * is returned once, whatever is assigned or removed between calls. O(limit), and a word per 32 free rows on the way.
   *
   * @param allocate gives the arrays for `count` rows: fids u32 [2·count], weights f32 [count × dim].
   */
  rowsFrom(
    cursor: number,
    limit: number,
    allocate: (count: number) => ServingColumns,
  ): ServingPage {
    assert(limit > 0, 'a page has room for a row');
    const { dim } = this;
    const rows = this.#rows;
    const found = new Int32Array(Math.min(limit, rows.rowCount));
    let count = 0;
    let row = rows.nextLive(cursor);
    for (; row < rows.rowEnd && count < found.length; row = rows.nextLive(row + 1))
      found[count++] = row;
    const { fids, weights } = allocate(count);
    for (let done = 0; done < count; done += blockFids) {
      const block = found.subarray(done, Math.min(done + blockFids, count));
      blockRows.set(block);
      for (let i = 0; i < block.length; i++) {
        fids[2 * (done + i)] = rows.low(block[i]!);
        fids[2 * (done + i) + 1] = rows.high(block[i]!);
      }
      this.#decode(block.length, weights, done * dim);
    }
    return { count, fids, weights, nextCursor: row < rows.rowEnd ? row : undefined };
  }

  /**
   * Adds the rows as they are stored to a digest that does not depend on their order; see digest.ts. With fp32 and no
   * saturated weight it is the digest of the training table's weights.
   */
  addToDigest(lanes: DigestLanes): void {
    const rows = this.#rows;
    const width = rows.rowBytes >>> 2;
    for (let row = rows.nextLive(0); row < rows.rowEnd; row = rows.nextLive(row + 1)) {
      const page = rows.words[row >>> rows.pageShift]!;
      const offset = (row & rows.pageMask) * width;
      addRow(lanes, this.slot, rows.low(row), rows.high(row), page, offset, width);
    }
  }

  /** Index and rows agree in both directions. O(rows), for tests and chaos. */
  verify(): void {
    this.#index.verify();
    this.#rows.verify();
    assert(this.#index.size === this.#rows.rowCount, 'as many keys as rows');
    const index = this.#index;
    const rows = this.#rows;
    for (let row = rows.nextLive(0); row < rows.rowEnd; row = rows.nextLive(row + 1)) {
      const found = index.findOne(rows.low(row), rows.high(row));
      assert(found === row, 'each live row is found by its key');
    }
  }

  /** Fills blockRows for a block of fids, inserting what is absent. */
  #findOrInsert(fids: Uint32Array, fidStart: number, count: number): void {
    const found = this.#index.find(fids, fidStart, count, blockRows, 0);
    if (found === count) return;
    for (let i = 0; i < count; i++) {
      if (blockRows[i]! !== absentRow) continue;
      const low = fids[2 * (fidStart + i)]! | 0;
      const high = fids[2 * (fidStart + i) + 1]! | 0;
      // Once more: the fid may have come in earlier in the same block.
      let row = this.#index.findOne(low, high);
      if (row === absentRow) {
        row = this.#rows.allocate(low, high);
        this.#index.insert(low, high, row);
      }
      blockRows[i] = row;
    }
  }

  #encode(weights: Float32Array, start: number, row: number): void {
    const { dim } = this;
    const rows = this.#rows;
    const page = row >>> rows.pageShift;
    const offset = (row & rows.pageMask) * rows.rowBytes;
    switch (this.compression) {
      case 'fp32':
        this.#saturated += encodeFp32(weights, start, dim, rows.floats[page]!, offset >>> 2);
        return;
      case 'fp16':
        this.#saturated += encodeFp16(weights, start, dim, rows.halves[page]!, offset >>> 1);
        return;
      case 'int8':
        this.#saturated += encodeInt8(
          weights,
          start,
          dim,
          this.fp32Prefix,
          rows.floats[page]!,
          rows.bytes8[page]!,
          offset,
        );
    }
  }

  /** Decodes the first `count` rows of blockRows. */
  #decode(count: number, out: Float32Array, outStart: number): void {
    const { dim } = this;
    const rows = this.#rows;
    if (decodeByKernel(this, rows, blockRows, count, out, outStart)) return;
    warmPackedRows(rows, blockRows, count);
    switch (this.compression) {
      case 'fp32':
        return decodeFp32(rows, blockRows, count, dim, out, outStart);
      case 'fp16':
        return decodeFp16(rows, blockRows, count, dim, out, outStart);
      case 'int8':
        return decodeInt8(rows, blockRows, count, dim, this.fp32Prefix, out, outStart);
    }
  }
}
