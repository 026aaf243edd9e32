import { assert } from '../base/assert.js';
import { mix32 } from '../base/hash.js';
import { createAdmission, type Admission, type AdmissionSpec } from './admission/admission.js';
import { absentRow } from './cuckoo-index.js';
import type { DigestLanes } from './digest.js';
import { chooseVictim, type EvictionPolicy } from './eviction.js';
import type { InitializerSpec } from './initializer.js';
import { createOptimizer } from './optimizers/create-optimizer.js';
import type { Optimizer, OptimizerSpec } from './optimizers/optimizer.js';
import { PendingChanges } from './pending-changes.js';
import { warmRows } from './row-transfer.js';
import type { RowColumns, RowSource, RowTarget } from './rows.js';
import { allocateColumns, wholeColumns } from './rows.js';
import { blockFids, blockRows, StoredRows, type RowsPage } from './stored-rows.js';

/** What a slot's rows are. Two tables with the same spec that saw the same calls hold the same bits. */
export interface TableSpec {
  readonly slot: number;
  /** Weights per row. */
  readonly dim: number;
  readonly initializer: InitializerSpec;
  readonly optimizer: OptimizerSpec;
  /** Which absent fids a push may insert; default always. Each push that names an absent fid is an occurrence. */
  readonly admission?: AdmissionSpec;
  /** A sweep removes rows that were not updated for so long, in event time; default never. */
  readonly expireAfterSeconds?: number;
  readonly seed: number;
}

export interface TableOptions {
  /** Rows to make room for at once; a table of none takes about 1 KiB. */
  readonly initialRows?: number;
}

export interface SweepResult {
  readonly visited: number;
  readonly expired: number;
  /** The pass is over; the next call begins another. */
  readonly finished: boolean;
}

/**
 * The rows of one slot: a collisionless index over rows in slabs. fids are u32 pairs (low, high); fidStart and fidCount
 * count pairs; row arrays are row-major and their starts count floats. Callers send each fid once per batch; a fid sent
 * twice is looked up twice, and a push applies both of its gradients one after the other.
 */
export class EmbeddingTable {
  readonly slot: number;
  readonly dim: number;
  readonly stateWidth: number;
  readonly #rows: StoredRows;
  readonly #optimizer: Optimizer;
  /** Undefined where every fid is admitted: that then costs nothing. */
  readonly #admission: Admission | undefined;
  readonly #expireAfterSeconds: number;
  readonly #pending: PendingChanges;
  #sweepCursor = 0;
  #evictionSeed: number;
  #evictions = 0;

  constructor(spec: TableSpec, options: TableOptions = {}) {
    assert(Number.isInteger(spec.dim) && spec.dim > 0, 'a row has at least one weight');
    this.slot = spec.slot;
    this.dim = spec.dim;
    this.#optimizer = createOptimizer(spec.optimizer);
    this.stateWidth = this.#optimizer.stateWidth(spec.dim);
    this.#rows = new StoredRows({
      ...{ slot: spec.slot, dim: spec.dim, seed: spec.seed, initializer: spec.initializer },
      ...{ optimizer: this.#optimizer, initialRows: options.initialRows ?? 0 },
    });
    this.#pending = new PendingChanges(this.#rows.slab);
    const seed = mix32(spec.seed ^ spec.slot);
    if (spec.admission && spec.admission.kind !== 'always')
      this.#admission = createAdmission(spec.admission, seed);
    this.#expireAfterSeconds = spec.expireAfterSeconds ?? Infinity;
    assert(this.#expireAfterSeconds > 0, 'a row lives for some time');
    this.#evictionSeed = seed;
  }

  get rowCount(): number {
    return this.#rows.slab.rowCount;
  }

  /** Rows that the next takes will return. */
  get touchedCount(): number {
    return this.#pending.rows.count;
  }

  /** Evicted keys that the next takes will return. */
  get evictedCount(): number {
    return this.#pending.evictedCount;
  }

  /** Keys removed, evicted or expired so far. */
  get evictionCount(): number {
    return this.#evictions;
  }

  /** Memory of rows, index, counters of fids without a row, and what the delta log has yet to take. */
  get bytes(): number {
    return this.#rows.bytes + (this.#admission?.bytes ?? 0) + this.#pending.bytes;
  }

  /** In how many arenas its rows are, where the WebAssembly kernels reach them; 0 for one in ordinary memory. */
  get arenaCount(): number {
    return this.#rows.slab.directory.reaches.length;
  }

  /** Memory of one row, with its key; see StoredRows. */
  get rowBytes(): number {
    return this.#rows.rowBytes;
  }

  /** Training pull: weights [fidCount × dim]. An absent row reads as its initial value and is not inserted. */
  pull(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    out: Float32Array,
    outStart: number,
  ): void {
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(outStart + fidCount * this.dim <= out.length, 'pulled rows fit the output');
    this.#rows.pull(fids, fidStart, fidCount, out, outStart);
  }

  /**
   * One optimizer step per fid with grads [fidCount × dim], d(summed loss)/d(row), summed per fid by the caller. An
   * absent fid that is admitted gets a row with its initial value first; one that is not learns nothing and leaves no
   * trace but in its counter. Each changed row is then touched. Amortised O(fidCount).
   *
   * @param atSeconds event time of the update. @param step drives learning-rate schedules.
   * @param squares like grads, and from the same place on; see Optimizer.
   */
  push(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    grads: Float32Array,
    gradStart: number,
    atSeconds: number,
    step: number,
    squares?: Float32Array,
  ): void {
    const { dim } = this;
    const { slab } = this.#rows;
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(gradStart + fidCount * dim <= grads.length, 'there is a gradient for each fid');
    for (let done = 0; done < fidCount; done += blockFids) {
      const count = Math.min(blockFids, fidCount - done);
      const admitted = this.#findOrAdmit(fids, fidStart + done, count, atSeconds);
      if (this.arenaCount === 0) warmRows(slab, blockRows, count, slab.rowWidth);
      const start = gradStart + done * dim;
      if (admitted === count) this.#learn(blockRows, count, grads, start, step, squares);
      else this.#learnAdmitted(count, grads, start, step, squares);
    }
  }

  /** Follower side: takes rows over as they are. Not touched: what came from the log need not go there. */
  assign(source: RowSource): void {
    this.#rows.assign(source);
  }

  /** As `assign`, but rows that were not the same before, to the bit, are touched; returns how many those were. */
  adopt(source: RowSource): number {
    const { dim, stateWidth } = this;
    const { rowStart, weightsStart, stateStart } = source;
    const rows = this.#rows;
    let adopted = 0;
    for (let done = 0; done < source.count; done += blockFids) {
      const block = {
        ...source,
        count: Math.min(blockFids, source.count - done),
        rowStart: rowStart + done,
        weightsStart: weightsStart + done * dim,
        stateStart: stateStart + done * stateWidth,
      };
      rows.index.find(source.fids, block.rowStart, block.count, blockRows, 0);
      const differs = Uint8Array.from({ length: block.count }, (_unused, i) =>
        rows.isSame(blockRows[i]!, block, i) ? 0 : 1,
      );
      rows.assign(block); // One block: its rows are in blockRows afterwards.
      const changed = blockRows.slice(0, block.count).filter((_row, i) => differs[i] === 1);
      this.#pending.rows.markAll(changed, changed.length);
      adopted += changed.length;
    }
    return adopted;
  }

  /** Removes rows, which is told; returns how many there were. Their memory is used for the next new ones. */
  remove(fids: Uint32Array, fidStart: number, fidCount: number): number {
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    let removed = 0;
    for (let i = fidStart; i < fidStart + fidCount; i++) {
      const row = this.#rows.index.findOne(fids[2 * i]!, fids[2 * i + 1]!);
      if (row === absentRow) continue;
      this.#drop(row);
      removed++;
    }
    return removed;
  }

  /** Follower side: as `remove`, but not told: what came from the log need not go there. */
  forget(fids: Uint32Array, fidStart: number, fidCount: number): number {
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    let forgotten = 0;
    for (let i = fidStart; i < fidStart + fidCount; i++) {
      const row = this.#rows.index.remove(fids[2 * i]!, fids[2 * i + 1]!);
      if (row === absentRow) continue;
      this.#pending.rows.unmark(row);
      this.#rows.slab.release(row);
      forgotten++;
    }
    return forgotten;
  }

  /**
   * Looks at up to `rowsMax` rows, from where the last sweep ended to the end of the pass at most, and removes those
   * that were not updated for `expireAfterSeconds`. A pass takes as many calls as rows ever used / rowsMax.
   *
   * @param nowSeconds event time, the newest there is: a replay of old data must not wipe the table.
   */
  sweep(nowSeconds: number, rowsMax: number): SweepResult {
    const { slab } = this.#rows;
    const oldest = nowSeconds - this.#expireAfterSeconds;
    if (oldest === -Infinity) return { visited: 0, expired: 0, finished: true };
    const start = Math.min(this.#sweepCursor, slab.rowEnd);
    const end = Math.min(start + rowsMax, slab.rowEnd);
    let expired = 0;
    for (let row = start; row < end; row++) {
      if (!slab.isLive(row) || slab.updatedAtSeconds(row) >= oldest) continue;
      this.#drop(row);
      expired++;
    }
    const finished = end === slab.rowEnd;
    this.#sweepCursor = finished ? 0 : end;
    return { visited: end - start, expired, finished };
  }

  /** Makes room: removes about `count` of the rows that are worth least. Returns how many. O(count). */
  evict(count: number, policy: EvictionPolicy): number {
    const { slab } = this.#rows;
    let evicted = 0;
    while (evicted < count) {
      this.#evictionSeed = mix32(this.#evictionSeed + 1);
      const victim = slab.rowCount === 0 ? -1 : chooseVictim(slab, policy, this.#evictionSeed);
      if (victim < 0) break;
      this.#drop(victim);
      evicted++;
    }
    return evicted;
  }

  /** Evicted keys into the caller's array, as pairs from pair `start` on; returns how many. Take all before any row. */
  takeEvictedInto(fids: Uint32Array, start: number, limit: number): number {
    return this.#pending.takeEvicted(fids, start, limit);
  }

  /** Changed rows into the caller's arrays, first touched first; returns how many were written. */
  takeRowsInto(target: RowTarget, limit: number): number {
    const pending = this.#pending;
    assert(limit === 0 || pending.evictedCount === 0, 'evictions are taken before rows');
    let taken = 0;
    while (taken < limit) {
      const count = pending.rows.take(blockRows, Math.min(blockFids, limit - taken));
      if (count === 0) break;
      this.#rows.gather(count, target, taken);
      taken += count;
    }
    return taken;
  }

  /** Rows for snapshots, page by page; a row that comes meanwhile may be missed, but then it is touched. See StoredRows. */
  rowsFrom(cursor: number, limit: number, allocate?: (count: number) => RowColumns): RowsPage {
    return this.#rows.page(cursor, limit, allocate);
  }

  addToDigest(lanes: DigestLanes, withState: boolean): void {
    this.#rows.addToDigest(lanes, withState);
  }

  /** Event seconds of the newest update of a row, or undefined when it is absent. */
  updatedAtSeconds(low: number, high: number): number | undefined {
    const row = this.#rows.index.findOne(low, high);
    return row === absentRow ? undefined : this.#rows.slab.updatedAtSeconds(row);
  }

  /** Updates a row has had, or 0 when it is absent. */
  updateCount(low: number, high: number): number {
    const row = this.#rows.index.findOne(low, high);
    return row === absentRow ? 0 : this.#rows.slab.updateCount(row);
  }

  /** A row as it is, or undefined when it is absent. */
  rowOf(low: number, high: number): RowColumns | undefined {
    const row = this.#rows.index.findOne(low, high);
    if (row === absentRow) return undefined;
    const columns = allocateColumns(1, this);
    blockRows[0] = row;
    this.#rows.gather(1, wholeColumns(columns), 0);
    return columns;
  }

  /** Index, rows and marks agree. O(rows), for tests and chaos. */
  verify(): void {
    this.#rows.verify();
    this.#pending.rows.verify((row) => this.#rows.slab.isLive(row));
  }

  /** Steps of rows that are all there, and their marks. */
  #learn(
    rows: Int32Array,
    count: number,
    grads: Float32Array,
    gradStart: number,
    step: number,
    squares: Float32Array | undefined,
  ): void {
    const { slab } = this.#rows;
    this.#optimizer.applyRows(slab, rows, count, this.dim, grads, gradStart, step, squares);
    this.#pending.rows.markAll(rows, count);
  }

  /** The rows of the block but for those of fids that were not admitted, which are -1: run by run between them. */
  #learnAdmitted(
    count: number,
    grads: Float32Array,
    gradStart: number,
    step: number,
    squares: Float32Array | undefined,
  ): void {
    for (let start = 0; start < count; start++) {
      let end = start;
      while (end < count && blockRows[end]! !== absentRow) end++;
      const rows = blockRows.subarray(start, end);
      this.#learn(rows, rows.length, grads, gradStart + start * this.dim, step, squares);
      start = end;
    }
  }

  #drop(row: number): void {
    const { index, slab } = this.#rows;
    const low = slab.low(row);
    const high = slab.high(row);
    const removed = index.remove(low, high);
    assert(removed === row, 'a live row is found by its key');
    this.#pending.evict(row, low, high);
    slab.release(row);
    this.#evictions++;
  }

  /** As StoredRows.findOrInsert, but a fid that is not admitted is left at `absentRow`; returns how many have a row. */
  #findOrAdmit(fids: Uint32Array, fidStart: number, count: number, atSeconds: number): number {
    const { index } = this.#rows;
    const admission = this.#admission;
    if (!admission) {
      this.#rows.findOrInsert(fids, fidStart, count, atSeconds, 'row');
      return count;
    }
    let present = index.find(fids, fidStart, count, blockRows, 0);
    this.#rows.recordPresent(count, atSeconds);
    if (present === count) return present;
    for (let i = 0; i < count; i++) {
      const at = 2 * (fidStart + i);
      if (blockRows[i]! !== absentRow) continue;
      if (this.#isAdmitted(fids[at]!, fids[at + 1]!, atSeconds, admission))
        blockRows[i] = this.#rows.insert(fids[at]! | 0, fids[at + 1]! | 0, atSeconds, 'row');
      if (blockRows[i]! !== absentRow) present++;
    }
    return present;
  }

  /** A fid that came in earlier in the same block has its row already. */
  #isAdmitted(low: number, high: number, atSeconds: number, admission: Admission): boolean {
    return (
      this.#rows.index.findOne(low, high) !== absentRow || admission.admit(low, high, atSeconds)
    );
  }
}
