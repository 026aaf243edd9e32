import { assert } from '../base/assert.js';
import { mix32 } from '../base/hash.js';
import {
  Buckets,
  baseOf,
  bucketOf,
  entriesPerBucket,
  feistelRound,
  highWord,
  matchInBucket,
  pageOf,
  rowWord,
} from './buckets.js';
import { makeRoom } from './displacement.js';
import { findRows, lookupByKernel, type KernelRows } from './find-rows.js';
import { Stash } from './stash.js';

/**
 * Key (two 32-bit words) → row index: bucketised cuckoo hashing, 2 buckets of 4 entries per key, the full key compared,
 * so that no two keys ever share a row. A lookup reads at most two buckets whatever the load (Pagh & Rodler 2001;
 * the layout follows MemC3, Fan et al. 2013).
 *
 * The table grows when it is `loadMax` full, and a bounded piece at a time: each insert splits `splitsPerInsert`
 * buckets (see buckets.ts). A key that finds no room, which takes an adversary or bad luck in a tiny table, waits in
 * the stash, which is asked after the buckets. It is emptied whenever a growth is finished: that is the rehash of
 * cuckoo hashing, spread over many inserts.
 *
 * Nothing here depends on anything but the seed and the sequence of calls.
 */

/** Too low: memory wasted. Above 0.97 the search for room gets long; 4-way cuckoo hashing breaks down at 0.98. */
const loadMax = 0.95;
/** 1 would do (growth then ends at 0.6 load); 2 ends the crowded phase sooner; 16 would be felt by each insert. */
const splitsPerInsert = 2;
/** Below this load more buckets would not help: the keys were made to collide, so they stay in the stash. */
const crowdedLoad = 0.5;
/** A stash this large is worth memory: growth is then tried down to a load of `sparseLoad`. */
const stashLong = 32;
const sparseLoad = 0.125;
const bucketCountMin = 4;
/** Keeps bucket · 4 + entry and the words of a page directory within 31 bits. */
const bucketCountMax = 2 ** 28;

export const absentRow = -1;

export interface CuckooIndexOptions {
  readonly seed: number;
  /** Keys to make room for at once, so that they come in without a growth. */
  readonly initialKeys?: number;
}

export class CuckooIndex {
  /** Read by `verify` of others only; keys come and go by the index. */
  readonly buckets: Buckets;
  readonly #stash: Stash;
  #keyCount = 0;

  constructor(options: CuckooIndexOptions) {
    const wanted = Math.ceil((options.initialKeys ?? 0) / (entriesPerBucket * loadMax));
    let bucketCount = bucketCountMin;
    while (bucketCount < wanted) bucketCount *= 2;
    this.buckets = new Buckets(bucketCount, options.seed);
    // Another hash than those of the buckets, or keys that collide there would collide here as well.
    this.#stash = new Stash(mix32(options.seed ^ 0x082efa98));
  }

  get size(): number {
    return this.#keyCount;
  }

  /** Keys over entries, counting the buckets that a growth has added so far. */
  get load(): number {
    return this.#keyCount / (this.buckets.bucketCount * entriesPerBucket);
  }

  get bucketCount(): number {
    return this.buckets.bucketCount;
  }

  get growing(): boolean {
    return this.buckets.splitCount > 0;
  }

  get stashCount(): number {
    return this.#stash.size;
  }

  get bytes(): number {
    return this.buckets.bytes + this.#stash.bytes;
  }

  /**
   * Writes the row of each of `fidCount` keys, or `absentRow`, to rows[rowStart …]; returns how many were found.
   * @param fids u32 pairs (low, high); fidStart and fidCount are in pairs.
   */
  find(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    rows: Int32Array,
    rowStart: number,
  ): number {
    assert(2 * (fidStart + fidCount) <= fids.length, 'fids end within their array');
    assert(rowStart + fidCount <= rows.length, 'rows fit their array');
    const found = findRows(this.buckets, fids, fidStart, fidCount, rows, rowStart);
    if (this.#stash.size === 0) return found;
    return found + this.#findStashed(fids, fidStart, fidCount, rows, rowStart);
  }

  /**
   * Finds up to kernelKeysMax keys and copies the first `width` floats of their rows, in one call of a kernel. Returns how
   * many are missing and read as zeros; -1, with nothing done, where no kernel can.
   */
  lookup(
    slab: KernelRows,
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    width: number,
    out: Float32Array,
    outStart: number,
  ): number {
    if (this.#stash.size > 0) return -1;
    return lookupByKernel(this.buckets, slab, fids, fidStart, fidCount, width, out, outStart);
  }

  /** Row of one key, or `absentRow`. Words as int32 or u32. */
  findOne(low: number, high: number): number {
    const at = this.#locate(low | 0, high | 0);
    if (at >= 0) return this.#rowAt(at);
    return this.#stash.find(low | 0, high | 0) - 1;
  }

  /** Adds a key that is not in the index; the caller has just looked. */
  insert(low: number, high: number, row: number): void {
    const there = this.findOrInsert(low, high, row);
    assert(there === row, 'a key is inserted once');
  }

  /**
   * Row of a key, which is `row` if the key was absent and is added. Words as int32 or u32. One hash and one look at
   * each bucket for both questions.
   */
  findOrInsert(low: number, high: number, row: number): number {
    assert(row >= 0 && row < 0x7fffffff, 'a row index has 31 bits');
    if (this.growing) this.#splitSome();
    const there = this.#findOrPlace(low | 0, high | 0, row + 1);
    if (there > 0) return there - 1;
    if (there < 0) {
      this.#stash.insert(low | 0, high | 0, row + 1);
      if (this.#shouldGrowForStash()) this.#splitSome();
    }
    this.#keyCount++;
    if (!this.growing && this.load >= loadMax) this.#splitSome();
    return row;
  }

  /** Removes a key and returns the row it had, or `absentRow`. The index never shrinks. */
  remove(low: number, high: number): number {
    const at = this.#locate(low | 0, high | 0);
    if (at >= 0) {
      const row = this.#rowAt(at);
      this.buckets.clear(Math.floor(at / entriesPerBucket), at % entriesPerBucket);
      this.#keyCount--;
      return row;
    }
    const row = this.#stash.remove(low | 0, high | 0) - 1;
    if (row !== absentRow) this.#keyCount--;
    return row;
  }

  /** Walks the whole index: every key stands where its hash says, and the counts agree. O(n), for tests and chaos. */
  verify(): void {
    let counted = this.#stash.size;
    for (let bucket = 0; bucket < this.buckets.bucketCount; bucket++) {
      const page = pageOf(this.buckets.pages, bucket);
      const before = counted;
      for (let entry = 0; entry < entriesPerBucket; entry++) {
        const at = baseOf(bucket) + entry;
        if (page[at + rowWord] === 0) continue;
        counted++;
        assert(
          this.#locate(page[at]!, page[at + highWord]!) === bucket * entriesPerBucket + entry,
          'a key stands once, in one of its two buckets',
        );
      }
      assert(counted - before === this.buckets.fillOf(bucket), 'a bucket holds what it counts');
    }
    assert(counted === this.#keyCount, `index counts ${this.#keyCount} keys and holds ${counted}`);
  }

  /** bucket · 4 + entry of a key, or -1. */
  #locate(low: number, high: number): number {
    const buckets = this.buckets;
    const first = locateInBucket(buckets, buckets.firstBucket(low, high), low, high);
    if (first >= 0) return first;
    return locateInBucket(buckets, buckets.secondBucket(low, high), low, high);
  }

  #rowAt(position: number): number {
    const bucket = Math.floor(position / entriesPerBucket);
    const entry = position % entriesPerBucket;
    return pageOf(this.buckets.pages, bucket)[baseOf(bucket) + rowWord + entry]! - 1;
  }

  /** row + 1 of a key that is there; else 0 when it was placed, -1 when there is no room. */
  #findOrPlace(low: number, high: number, rowPlusOne: number): number {
    const buckets = this.buckets;
    const { pages, mask, splitCount, seedA, seedB, seedC } = buckets;
    const folded = feistelRound(high, low, seedA);
    const secondHash = feistelRound(low, folded, seedB);
    const first = bucketOf(feistelRound(folded, secondHash, seedC), mask, splitCount);
    const second = bucketOf(secondHash, mask, splitCount);
    const match =
      matchInBucket(pageOf(pages, first), baseOf(first), low, high) ||
      matchInBucket(pageOf(pages, second), baseOf(second), low, high) ||
      this.#stash.find(low, high);
    if (match !== 0) return match;
    let bucket = first;
    let entry = buckets.emptyEntry(first);
    if (entry < 0) {
      bucket = second;
      entry = buckets.emptyEntry(second);
    }
    if (entry < 0) {
      const freed = makeRoom(buckets, first, second);
      if (freed < 0) return -1;
      bucket = Math.floor(freed / entriesPerBucket);
      entry = freed % entriesPerBucket;
    }
    buckets.put(bucket, entry, low, high, rowPlusOne);
    return 0;
  }

  #splitSome(): void {
    assert(this.bucketCount < bucketCountMax, 'an index holds at most 2^28 buckets');
    for (let i = 0; i < splitsPerInsert; i++) {
      this.buckets.splitNext();
      if (this.growing) continue;
      this.#emptyStash();
      return;
    }
  }

  #shouldGrowForStash(): boolean {
    if (this.growing) return false;
    return this.load >= crowdedLoad || (this.#stash.size >= stashLong && this.load >= sparseLoad);
  }

  #emptyStash(): void {
    if (this.#stash.size === 0) return;
    this.#stash.drain((low, high, rowPlusOne) => this.#findOrPlace(low, high, rowPlusOne) === 0);
  }

  #findStashed(
    fids: Uint32Array,
    fidStart: number,
    fidCount: number,
    rows: Int32Array,
    rowStart: number,
  ): number {
    let found = 0;
    for (let i = 0; i < fidCount; i++) {
      if (rows[rowStart + i] !== absentRow) continue;
      const at = 2 * (fidStart + i);
      rows[rowStart + i] = this.#stash.find(fids[at]! | 0, fids[at + 1]! | 0) - 1;
      if (rows[rowStart + i] !== absentRow) found++;
    }
    return found;
  }
}

function locateInBucket(buckets: Buckets, bucket: number, low: number, high: number): number {
  const page = pageOf(buckets.pages, bucket);
  const base = baseOf(bucket);
  if (matchInBucket(page, base, low, high) === 0) return -1;
  for (let entry = 0; entry < entriesPerBucket; entry++) {
    const at = base + entry;
    if (page[at] === low && page[at + highWord] === high && page[at + rowWord] !== 0)
      return bucket * entriesPerBucket + entry;
  }
  return -1;
}
