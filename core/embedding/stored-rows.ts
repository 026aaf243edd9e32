import { assert } from '../base/assert.js';
import { mix32 } from '../base/hash.js';
import { absentRow, CuckooIndex } from './cuckoo-index.js';
import { addSlab, type DigestLanes } from './digest.js';
import { RowInitializer, type InitializerSpec } from './initializer.js';
import type { Optimizer } from './optimizers/optimizer.js';
import { RowSlab } from './row-slab.js';
import { kernelKeysMax } from './kernels/arena.js';
import {
  copyFloats,
  gatherFacts,
  gatherKeys,
  gatherOrInitialize,
  gatherOrZero,
} from './row-transfer.js';
import { allocateColumns, wholeColumns } from './rows.js';
import type { RowColumns, RowSource, RowTarget } from './rows.js';

/** What a new row starts with by itself; the rest is written by the caller, so that nothing is written twice. */
export type FreshPart = 'row' | 'state' | 'nothing';

export interface RowsPage extends RowColumns {
  /** Where the next page begins; undefined after the last. */
  readonly nextCursor: number | undefined;
}

export interface StoredRowsSpec {
  readonly slot: number;
  readonly dim: number;
  readonly seed: number;
  readonly initializer: InitializerSpec;
  /** Says how wide the state of a row is, and what it begins with. */
  readonly optimizer: Optimizer;
  readonly initialRows: number;
}

/** Keys per inner batch. Too high: rows leave the first-level cache between touch and use. Too low: call overhead. */
export const blockFids = 128;

/** The rows of the block that is worked on. Shared by all tables: no batch yields to another. */
export const blockRows = new Int32Array(blockFids);
const presentRows = new Int32Array(blockFids);

/**
 * Which key has which row, and what stands in it: the index and the slab as one, so that a key that is in has a live row
 * and the other way round. What a row means, when it changes and who hears of it is the table's.
 */
export class StoredRows {
  readonly index: CuckooIndex;
  readonly slab: RowSlab;
  readonly initializer: RowInitializer;
  readonly #slot: number;
  readonly #dim: number;
  readonly #stateWidth: number;
  readonly #optimizer: Optimizer;

  constructor({ slot, dim, seed, initializer, optimizer, initialRows }: StoredRowsSpec) {
    this.#slot = slot;
    this.#dim = dim;
    this.#stateWidth = optimizer.stateWidth(dim);
    this.#optimizer = optimizer;
    this.initializer = new RowInitializer(initializer, slot, seed, dim);
    this.index = new CuckooIndex({ seed: mix32(seed ^ slot), initialKeys: initialRows });
    this.slab = new RowSlab(dim + this.#stateWidth, initialRows);
  }

  get bytes(): number {
    return this.index.bytes + this.slab.bytes;
  }

  /** What a row takes: floats, facts, and its entry in an index that is 3/4 full, which it is on average. */
  get rowBytes(): number {
    return 4 * this.slab.rowWidth + 16 + 16;
  }

  /** Weights [fidCount × dim]; an absent row reads as its initial value. */
  pull(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    out: Float32Array,
    outStart: number,
  ): void {
    const { index, slab, initializer } = this;
    const dim = this.#dim;
    let done = 0;
    while (done < fidCount) {
      const start = fidStart + done;
      const target = outStart + done * dim;
      let count = Math.min(kernelKeysMax, fidCount - done);
      const missing = index.lookup(slab, fids, start, count, dim, out, target);
      if (missing > 0) this.#initialize(fids, start, count, out, target);
      if (missing < 0) {
        count = Math.min(blockFids, count);
        index.find(fids, start, count, blockRows, 0);
        gatherOrInitialize(slab, blockRows, count, dim, out, target, fids, start, initializer);
      }
      done += count;
    }
  }

  /** Fills blockRows for a block of fids, inserting what is absent. */
  findOrInsert(
    fids: Uint32Array,
    fidStart: number,
    count: number,
    atSeconds: number,
    fresh: FreshPart,
  ): void {
    const { index } = this;
    let missing = count - index.find(fids, fidStart, count, blockRows, 0);
    this.recordPresent(count, atSeconds);
    for (let i = 0; missing > 0 && i < count; i++) {
      if (blockRows[i]! !== absentRow) continue;
      const at = 2 * (fidStart + i);
      blockRows[i] = this.insert(fids[at]! | 0, fids[at + 1]! | 0, atSeconds, fresh);
      missing--;
    }
    assert(missing === 0, 'each missing row was inserted');
  }

  /** Notes an update of each row of the block that is there. */
  recordPresent(count: number, atSeconds: number): void {
    let present = 0;
    for (let i = 0; i < count; i++)
      if (blockRows[i]! !== absentRow) presentRows[present++] = blockRows[i]!;
    this.slab.recordUpdates(presentRows, present, atSeconds);
  }

  /** The row of a fid that was absent when the block was looked up; it may have come in earlier in the same block. */
  insert(low: number, high: number, atSeconds: number, fresh: FreshPart): number {
    const { slab } = this;
    const next = slab.nextRow;
    const row = this.index.findOrInsert(low, high, next);
    if (row !== next) {
      slab.recordUpdate(row, atSeconds);
      return row;
    }
    slab.allocate(low, high, atSeconds);
    const page = slab.pageOf(row);
    const offset = slab.offsetOf(row);
    if (fresh === 'row') this.initializer.write(low, high, page, offset, this.#dim);
    if (fresh !== 'nothing') this.#optimizer.initState(page, offset, this.#dim);
    return row;
  }

  /** Takes rows over as they are, block by block; one block leaves its rows in blockRows. */
  assign(source: RowSource): void {
    const dim = this.#dim;
    const stateWidth = this.#stateWidth;
    const { slab } = this;
    const { fids, rowStart, count: rowCount, weights, weightsStart, state, stateStart } = source;
    const { updatedAt, updateCounts } = source;
    assert(2 * (rowStart + rowCount) <= fids.length, 'fids end within their array');
    assert(rowStart + rowCount <= updatedAt.length, 'there is a time for each fid');
    assert(rowStart + rowCount <= updateCounts.length, 'there is a count for each fid');
    assert(weightsStart + rowCount * dim <= weights.length, 'there are weights for each fid');
    if (state)
      assert(stateStart + rowCount * stateWidth <= state.length, 'there is state for each fid');
    const fresh = state ? 'nothing' : 'state';
    for (let done = 0; done < rowCount; done += blockFids) {
      const count = Math.min(blockFids, rowCount - done);
      const first = rowStart + done;
      this.findOrInsert(fids, first, count, 0, fresh);
      for (let i = 0; i < count; i++) {
        const row = blockRows[i]!;
        const page = slab.pageOf(row);
        const offset = slab.offsetOf(row);
        slab.setFacts(row, updatedAt[first + i]!, updateCounts[first + i]!);
        copyFloats(weights, weightsStart + (done + i) * dim, page, offset, dim);
        if (state)
          copyFloats(state, stateStart + (done + i) * stateWidth, page, offset + dim, stateWidth);
      }
    }
  }

  /** Whether a row, which may be absent, holds what row `i` of the source has, to the bit. */
  isSame(row: number, source: RowSource, i: number): boolean {
    if (row === absentRow) return false;
    const dim = this.#dim;
    const stateWidth = this.#stateWidth;
    const { slab } = this;
    const { weights, weightsStart, state, stateStart, rowStart, updatedAt, updateCounts } = source;
    const page = slab.pageOf(row);
    const offset = slab.offsetOf(row);
    return (
      slab.updatedAtSeconds(row) === updatedAt[rowStart + i] &&
      slab.updateCount(row) === updateCounts[rowStart + i] &&
      sameFloats(weights, weightsStart + i * dim, page, offset, dim) &&
      (!state || sameFloats(state, stateStart + i * stateWidth, page, offset + dim, stateWidth))
    );
  }

  /** Copies the first `count` rows of blockRows to the target, `skip` rows after its start. */
  gather(count: number, target: RowTarget, skip: number): void {
    const dim = this.#dim;
    const stateWidth = this.#stateWidth;
    const { slab } = this;
    gatherKeys(slab, blockRows, count, target.fids, target.rowStart + skip);
    gatherFacts(slab, blockRows, count, target, skip);
    gatherOrZero(slab, blockRows, count, 0, dim, target.weights, target.weightsStart + skip * dim);
    const stateStart = target.stateStart + skip * stateWidth;
    gatherOrZero(slab, blockRows, count, dim, stateWidth, target.state, stateStart);
  }

  /**
   * A page of at most `limit` rows for snapshots; begin with cursor 0. A row that lives through the whole walk is
   * returned once, whatever is inserted or removed between calls. O(rows ever used) for the walk.
   *
   * @param allocate gives the arrays for a page, which is how a snapshot has rows gathered straight into its chunk.
   */
  page(
    cursor: number,
    limit: number,
    allocate: (count: number) => RowColumns = (count) =>
      allocateColumns(count, { dim: this.#dim, stateWidth: this.#stateWidth }),
  ): RowsPage {
    assert(limit > 0, 'a page has room for a row');
    const { slab } = this;
    const end = slab.rowEnd;
    const rows = new Int32Array(Math.min(limit, slab.rowCount));
    let count = 0;
    let row = cursor;
    for (; row < end && count < rows.length; row++) {
      if (slab.isLive(row)) rows[count++] = row;
    }
    while (row < end && !slab.isLive(row)) row++;
    const { fids, weights, state, updatedAt, updateCounts } = allocate(count);
    const page = { count, fids, weights, state, updatedAt, updateCounts };
    const target = wholeColumns(page);
    for (let done = 0; done < count; done += blockFids) {
      const block = rows.subarray(done, Math.min(done + blockFids, count));
      blockRows.set(block);
      this.gather(block.length, target, done);
    }
    return { ...page, nextCursor: row < end ? row : undefined };
  }

  /** What the last lookup did not find. */
  #initialize(
    fids: Uint32Array,
    fidStart: number,
    count: number,
    out: Float32Array,
    outStart: number,
  ): void {
    const { rows } = this.slab.directory.only!.arena;
    const dim = this.#dim;
    for (let i = 0; i < count; i++) {
      if (rows[i]! !== absentRow) continue;
      const at = 2 * (fidStart + i);
      this.initializer.write(fids[at]! | 0, fids[at + 1]! | 0, out, outStart + i * dim, dim);
    }
  }

  /** Adds the rows to a digest that does not depend on their order, with state and times or without; see digest.ts. */
  addToDigest(lanes: DigestLanes, withState: boolean): void {
    addSlab(lanes, this.slab, this.#slot, withState ? this.slab.rowWidth : this.#dim, withState);
  }

  /** Index and rows agree in both directions. O(rows). */
  verify(): void {
    const { index, slab } = this;
    index.verify();
    assert(index.size === slab.rowCount, 'as many keys as rows');
    for (let row = 0; row < slab.rowEnd; row++) {
      if (!slab.isLive(row)) continue;
      assert(
        index.findOne(slab.low(row), slab.high(row)) === row,
        'a live row is found by its key',
      );
    }
  }
}

/** To the bit, but for the many forms of NaN. */
function sameFloats(
  a: Float32Array,
  aStart: number,
  b: Float32Array,
  bStart: number,
  count: number,
): boolean {
  for (let i = 0; i < count; i++) if (!Object.is(a[aStart + i], b[bStart + i])) return false;
  return true;
}
