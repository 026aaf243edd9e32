import { assert } from '../base/assert.js';
import { mix32 } from '../base/hash.js';
import { createAdmission, type Admission, type AdmissionSpec } from './admission/admission.js';
import { absentRow, CuckooIndex } from './cuckoo-index.js';
import { addSlab, type DigestLanes } from './digest.js';
import { chooseVictim, type EvictionPolicy } from './eviction.js';
import { RowInitializer, type InitializerSpec } from './initializer.js';
import { createOptimizer } from './optimizers/create-optimizer.js';
import type { Optimizer, OptimizerSpec } from './optimizers/optimizer.js';
import { RowSlab } from './row-slab.js';
import {
  copyFloats,
  gatherFacts,
  gatherKeys,
  gatherOrInitialize,
  gatherOrZero,
  warmRows,
} from './row-transfer.js';
import { allocateColumns, wholeColumns } from './rows.js';
import type { RowColumns, RowSource, RowTarget } from './rows.js';
import { TouchedConsumer } from './touched-consumer.js';

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
  /** Rows and index in SharedArrayBuffers; see page-memory.ts. Default false. */
  readonly shared?: boolean;
}

/** Changes in the order they are to be applied: these keys go, then these rows are set. */
export interface TableChanges {
  /** u32 pairs. */
  readonly evicted: Uint32Array;
  readonly rows: RowColumns;
}

export interface RowsPage extends RowColumns {
  /** Where the next page begins; undefined after the last. */
  readonly nextCursor: number | undefined;
}

export interface SweepResult {
  readonly visited: number;
  readonly expired: number;
  /** The pass is over; the next call begins another. */
  readonly finished: boolean;
}

/** What a new row starts with by itself; the rest is written by the caller, so that nothing is written twice. */
type FreshPart = 'row' | 'state' | 'nothing';

/** Keys per inner batch. Too high: rows leave the first-level cache between touch and use. Too low: call overhead. */
const blockFids = 128;
// Shared by all tables: no batch yields to another.
const blockRows = new Int32Array(blockFids);

/**
 * The rows of one slot: a collisionless index over rows in slabs. fids are u32 pairs (low, high); fidStart and fidCount
 * count pairs; row arrays are row-major and their starts count floats. Callers send each fid once per batch; a fid sent
 * twice is looked up twice, and a push applies both of its gradients one after the other.
 */
export class EmbeddingTable {
  readonly slot: number;
  readonly dim: number;
  readonly stateWidth: number;
  readonly #index: CuckooIndex;
  readonly #slab: RowSlab;
  readonly #initializer: RowInitializer;
  readonly #optimizer: Optimizer;
  /** Undefined where every fid is admitted: that then costs nothing. */
  readonly #admission: Admission | undefined;
  readonly #expireAfterSeconds: number;
  /** The delta log's; others come and go. */
  readonly #main = new TouchedConsumer();
  #consumers: TouchedConsumer[] = [this.#main];
  #sweepCursor = 0;
  #evictionSeed: number;
  #evictions = 0;

  constructor(spec: TableSpec, options: TableOptions = {}) {
    assert(Number.isInteger(spec.dim) && spec.dim > 0, 'a row has at least one weight');
    const { initialRows = 0, shared = false } = options;
    this.slot = spec.slot;
    this.dim = spec.dim;
    this.#optimizer = createOptimizer(spec.optimizer);
    this.stateWidth = this.#optimizer.stateWidth(spec.dim);
    this.#initializer = new RowInitializer(spec.initializer, spec.slot, spec.seed, spec.dim);
    this.#index = new CuckooIndex({
      seed: mix32(spec.seed ^ spec.slot),
      initialKeys: initialRows,
      shared,
    });
    this.#slab = new RowSlab(spec.dim + this.stateWidth, initialRows, shared);
    const seed = mix32(spec.seed ^ spec.slot);
    if (spec.admission && spec.admission.kind !== 'always')
      this.#admission = createAdmission(spec.admission, seed);
    this.#expireAfterSeconds = spec.expireAfterSeconds ?? Infinity;
    assert(this.#expireAfterSeconds > 0, 'a row lives for some time');
    this.#evictionSeed = seed;
  }

  get rowCount(): number {
    return this.#slab.rowCount;
  }

  /** Rows that the next takes will return. */
  get touchedCount(): number {
    return this.#main.rows.count;
  }

  /** Evicted keys that the next takes will return. */
  get evictedCount(): number {
    return this.#main.evictedCount;
  }

  /** Keys removed, evicted or expired so far. */
  get evictionCount(): number {
    return this.#evictions;
  }

  /** Memory of rows, index, counters of fids without a row, and what consumers have yet to take. */
  get bytes(): number {
    const admission = this.#admission?.bytes ?? 0;
    const waiting = this.#consumers.reduce((sum, consumer) => sum + consumer.bytes, 0);
    return this.#index.bytes + this.#slab.bytes + admission + waiting;
  }

  /** What a row takes: floats, facts, and its entry in an index that is 3/4 full, which it is on average. */
  get rowBytes(): number {
    return 4 * this.#slab.rowWidth + 16 + 16;
  }

  /** Another consumer, which hears of all changes from now on; close it, or it remembers them for ever. */
  openConsumer(): TouchedConsumer {
    const consumer = new TouchedConsumer();
    this.#consumers.push(consumer);
    return consumer;
  }

  closeConsumer(consumer: TouchedConsumer): void {
    assert(consumer !== this.#main, 'the consumer was opened');
    this.#consumers = this.#consumers.filter((each) => each !== consumer);
  }

  /** Training pull: weights [fidCount × dim]. An absent row reads as its initial value and is not inserted. */
  pull(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    out: Float32Array,
    outStart: number,
  ): void {
    const { dim } = this;
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(outStart + fidCount * dim <= out.length, 'pulled rows fit the output');
    for (let done = 0; done < fidCount; done += blockFids) {
      const count = Math.min(blockFids, fidCount - done);
      const start = fidStart + done;
      this.#index.find(fids, start, count, blockRows, 0);
      const target = outStart + done * dim;
      gatherOrInitialize(
        this.#slab,
        blockRows,
        count,
        dim,
        out,
        target,
        fids,
        start,
        this.#initializer,
      );
    }
  }

  /** Serving lookup: weights [fidCount × dim], zeros for an absent row. Returns how many were absent. */
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
    let absent = fidCount;
    for (let done = 0; done < fidCount; done += blockFids) {
      const count = Math.min(blockFids, fidCount - done);
      absent -= this.#index.find(fids, fidStart + done, count, blockRows, 0);
      gatherOrZero(this.#slab, blockRows, count, 0, dim, out, outStart + done * dim);
    }
    return absent;
  }

  /**
   * One optimizer step per fid with grads [fidCount × dim], d(summed loss)/d(row), summed per fid by the caller. An
   * absent fid that is admitted gets a row with its initial value first; one that is not learns nothing and leaves no
   * trace but in its counter. Each changed row is then touched. Amortised O(fidCount).
   *
   * @param atSeconds event time of the update. @param step drives learning-rate schedules.
   */
  push(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    grads: Float32Array,
    gradStart: number,
    atSeconds: number,
    step: number,
  ): void {
    const { dim } = this;
    const slab = this.#slab;
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(gradStart + fidCount * dim <= grads.length, 'there is a gradient for each fid');
    for (let done = 0; done < fidCount; done += blockFids) {
      const count = Math.min(blockFids, fidCount - done);
      const admitted = this.#findOrAdmit(fids, fidStart + done, count, atSeconds);
      warmRows(slab, blockRows, count, slab.rowWidth);
      const start = gradStart + done * dim;
      if (admitted === count) this.#learn(blockRows, count, grads, start, step);
      else this.#learnAdmitted(count, grads, start, step);
    }
  }

  /** Follower side: takes rows over as they are. Not touched: what came from the log need not go there. */
  assign(source: RowSource): void {
    const { dim, stateWidth } = this;
    const slab = this.#slab;
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
      this.#findOrInsert(fids, first, count, 0, fresh);
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

  /** As `assign`, but rows that were not the same before, to the bit, are touched; returns how many those were. */
  adopt(source: RowSource): number {
    const { dim, stateWidth } = this;
    const { rowStart, weightsStart, stateStart } = source;
    let adopted = 0;
    for (let done = 0; done < source.count; done += blockFids) {
      const block = {
        ...source,
        count: Math.min(blockFids, source.count - done),
        rowStart: rowStart + done,
        weightsStart: weightsStart + done * dim,
        stateStart: stateStart + done * stateWidth,
      };
      this.#index.find(source.fids, block.rowStart, block.count, blockRows, 0);
      const differs = Uint8Array.from({ length: block.count }, (_unused, i) =>
        this.#isSame(blockRows[i]!, block, i) ? 0 : 1,
      );
      this.assign(block); // One block: its rows are in blockRows afterwards.
      const rows = blockRows.slice(0, block.count).filter((_row, i) => differs[i] === 1);
      for (const consumer of this.#consumers) consumer.rows.markAll(rows, rows.length);
      adopted += rows.length;
    }
    return adopted;
  }

  /** Removes rows, and tells consumers; returns how many there were. Their memory is used for the next new ones. */
  remove(fids: Uint32Array, fidStart: number, fidCount: number): number {
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    let removed = 0;
    for (let i = fidStart; i < fidStart + fidCount; i++) {
      const row = this.#index.findOne(fids[2 * i]!, fids[2 * i + 1]!);
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
      const row = this.#index.remove(fids[2 * i]!, fids[2 * i + 1]!);
      if (row === absentRow) continue;
      for (const consumer of this.#consumers) consumer.rows.unmark(row);
      this.#slab.release(row);
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
    const slab = this.#slab;
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
    let evicted = 0;
    while (evicted < count) {
      this.#evictionSeed = mix32(this.#evictionSeed + 1);
      const victim =
        this.#slab.rowCount === 0 ? -1 : chooseVictim(this.#slab, policy, this.#evictionSeed);
      if (victim < 0) break;
      this.#drop(victim);
      evicted++;
    }
    return evicted;
  }

  /** Keys that went and rows that changed since they were last taken, at most `limit` in all; the rest waits. */
  takeChanges(limit = Infinity, consumer = this.#main): TableChanges {
    const evictedCount = Math.min(limit, consumer.evictedCount);
    const evicted = new Uint32Array(2 * evictedCount);
    consumer.takeEvicted(evicted, 0, evictedCount);
    const rows = allocateColumns(Math.min(limit - evictedCount, consumer.rows.count), this);
    this.takeRowsInto(wholeColumns(rows), rows.count, consumer);
    return { evicted, rows };
  }

  /** Evicted keys into the caller's array, as pairs from pair `start` on; returns how many. Take all before any row. */
  takeEvictedInto(fids: Uint32Array, start: number, limit: number, consumer = this.#main): number {
    return consumer.takeEvicted(fids, start, limit);
  }

  /** Changed rows into the caller's arrays, first touched first; returns how many were written. */
  takeRowsInto(target: RowTarget, limit: number, consumer = this.#main): number {
    assert(limit === 0 || consumer.evictedCount === 0, 'evictions are taken before rows');
    let taken = 0;
    while (taken < limit) {
      const count = consumer.rows.take(blockRows, Math.min(blockFids, limit - taken));
      if (count === 0) break;
      this.#gather(count, target, taken);
      taken += count;
    }
    return taken;
  }

  /**
   * A page of at most `limit` rows for snapshots; begin with cursor 0. A row that lives through the whole walk is
   * returned once, whatever is inserted or removed between calls; a row that comes meanwhile may be missed, but then it
   * is touched. O(rows ever used) for the walk.
   *
   * @param allocate gives the arrays for a page, which is how a snapshot has rows gathered straight into its chunk.
   */
  rowsFrom(
    cursor: number,
    limit: number,
    allocate: (count: number) => RowColumns = (count) => allocateColumns(count, this),
  ): RowsPage {
    assert(limit > 0, 'a page has room for a row');
    const slab = this.#slab;
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
      this.#gather(block.length, target, done);
    }
    return { ...page, nextCursor: row < end ? row : undefined };
  }

  /** Adds the rows to a digest that does not depend on their order, with state and times or without; see digest.ts. */
  addToDigest(lanes: DigestLanes, withState: boolean): void {
    addSlab(lanes, this.#slab, this.slot, withState ? this.#slab.rowWidth : this.dim, withState);
  }

  /** Event seconds of the newest update of a row, or undefined when it is absent. */
  updatedAtSeconds(low: number, high: number): number | undefined {
    const row = this.#index.findOne(low, high);
    return row === absentRow ? undefined : this.#slab.updatedAtSeconds(row);
  }

  /** Updates a row has had, or 0 when it is absent. */
  updateCount(low: number, high: number): number {
    const row = this.#index.findOne(low, high);
    return row === absentRow ? 0 : this.#slab.updateCount(row);
  }

  /** Index and rows agree in both directions. O(rows), for tests and chaos. */
  verify(): void {
    this.#index.verify();
    assert(this.#index.size === this.#slab.rowCount, 'as many keys as rows');
    for (let row = 0; row < this.#slab.rowEnd; row++) {
      if (!this.#slab.isLive(row)) continue;
      assert(
        this.#index.findOne(this.#slab.low(row), this.#slab.high(row)) === row,
        'a live row is found by its key',
      );
    }
    for (const consumer of this.#consumers) {
      consumer.rows.verify((row) => this.#slab.isLive(row));
    }
  }

  #isSame(row: number, source: RowSource, i: number): boolean {
    if (row === absentRow) return false;
    const { dim, stateWidth } = this;
    const slab = this.#slab;
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

  /** Steps of rows that are all there, and their marks. */
  #learn(
    rows: Int32Array,
    count: number,
    grads: Float32Array,
    gradStart: number,
    step: number,
  ): void {
    this.#optimizer.applyRows(this.#slab, rows, count, this.dim, grads, gradStart, step);
    for (const consumer of this.#consumers) consumer.rows.markAll(rows, count);
  }

  /** The rows of the block but for those of fids that were not admitted, which are -1: run by run between them. */
  #learnAdmitted(count: number, grads: Float32Array, gradStart: number, step: number): void {
    for (let start = 0; start < count; start++) {
      let end = start;
      while (end < count && blockRows[end]! !== absentRow) end++;
      const rows = blockRows.subarray(start, end);
      this.#learn(rows, rows.length, grads, gradStart + start * this.dim, step);
      start = end;
    }
  }

  #drop(row: number): void {
    const low = this.#slab.low(row);
    const high = this.#slab.high(row);
    const removed = this.#index.remove(low, high);
    assert(removed === row, 'a live row is found by its key');
    for (const consumer of this.#consumers) consumer.evict(row, low, high);
    this.#slab.release(row);
    this.#evictions++;
  }

  /** As findOrInsert, but a fid that is not admitted is left at `absentRow`; returns how many have a row. */
  #findOrAdmit(fids: Uint32Array, fidStart: number, count: number, atSeconds: number): number {
    const index = this.#index;
    const slab = this.#slab;
    const admission = this.#admission;
    if (!admission) {
      this.#findOrInsert(fids, fidStart, count, atSeconds, 'row');
      return count;
    }
    index.find(fids, fidStart, count, blockRows, 0);
    let present = 0;
    for (let i = 0; i < count; i++) {
      const at = 2 * (fidStart + i);
      if (blockRows[i]! !== absentRow) slab.recordUpdate(blockRows[i]!, atSeconds);
      else if (this.#isAdmitted(fids[at]!, fids[at + 1]!, atSeconds, admission))
        blockRows[i] = this.#insert(fids[at]! | 0, fids[at + 1]! | 0, atSeconds, 'row');
      if (blockRows[i]! !== absentRow) present++;
    }
    return present;
  }

  /** A fid that came in earlier in the same block has its row already. */
  #isAdmitted(low: number, high: number, atSeconds: number, admission: Admission): boolean {
    return this.#index.findOne(low, high) !== absentRow || admission.admit(low, high, atSeconds);
  }

  /** Fills blockRows for a block of fids, inserting what is absent. */
  #findOrInsert(
    fids: Uint32Array,
    fidStart: number,
    count: number,
    atSeconds: number,
    fresh: FreshPart,
  ): void {
    const index = this.#index;
    const slab = this.#slab;
    let missing = count - index.find(fids, fidStart, count, blockRows, 0);
    if (missing === 0) return slab.recordUpdates(blockRows, count, atSeconds);
    for (let i = 0; i < count; i++) {
      if (blockRows[i]! !== absentRow) {
        slab.recordUpdate(blockRows[i]!, atSeconds);
        continue;
      }
      const at = 2 * (fidStart + i);
      blockRows[i] = this.#insert(fids[at]! | 0, fids[at + 1]! | 0, atSeconds, fresh);
      missing--;
    }
    assert(missing === 0, 'each missing row was inserted');
  }

  /** The fid may have come in earlier in the same block. */
  #insert(low: number, high: number, atSeconds: number, fresh: FreshPart): number {
    const slab = this.#slab;
    const next = slab.nextRow;
    const row = this.#index.findOrInsert(low, high, next);
    if (row !== next) {
      slab.recordUpdate(row, atSeconds);
      return row;
    }
    slab.allocate(low, high, atSeconds);
    const page = slab.pageOf(row);
    const offset = slab.offsetOf(row);
    if (fresh === 'row') this.#initializer.write(low, high, page, offset, this.dim);
    if (fresh !== 'nothing') this.#optimizer.initState(page, offset, this.dim);
    return row;
  }

  /** Copies the first `count` rows of blockRows to the target, `skip` rows after its start. */
  #gather(count: number, target: RowTarget, skip: number): void {
    const { dim, stateWidth } = this;
    const slab = this.#slab;
    gatherKeys(slab, blockRows, count, target.fids, target.rowStart + skip);
    gatherFacts(slab, blockRows, count, target, skip);
    gatherOrZero(slab, blockRows, count, 0, dim, target.weights, target.weightsStart + skip * dim);
    gatherOrZero(
      slab,
      blockRows,
      count,
      dim,
      stateWidth,
      target.state,
      target.stateStart + skip * stateWidth,
    );
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
