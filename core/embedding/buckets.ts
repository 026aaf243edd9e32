import { mix32 } from '../base/hash.js';
import { PageDirectory } from './page-directory.js';
import { PageMemory, type Page } from './page-memory.js';

/**
 * The memory of a cuckoo index and the arithmetic that finds a key in it.
 *
 *   page     2^14 buckets (1 MiB); a young table has one smaller page
 *   bucket   16 words, a cache line: low [4], high [4], row + 1 [4], unused [4]
 *   entry e  words e, 4 + e and 8 + e            (row + 1 = 0: empty, so that every key is a legal key)
 *
 * A key may stand in two buckets, chosen by the halves of a keyed permutation of its 64 bits (three Feistel rounds).
 * Because it is a permutation, no two keys share both hashes, whereas two independent 32-bit hashes of a key can
 * collide for good.
 *
 * Growth doubles the bucket count as linear hashing does, one bucket at a time and in place: bucket b of N is split
 * into b and b + N, by one more bit of the hash. Buckets below `splitCount` have been split, so an address costs the
 * same two probes while the table grows as it does at rest. The entries of b go to b or b + N at the place they had:
 * a split can neither fail nor displace anything.
 *
 * The columns are for the kernels, which compare all four entries at once and without a branch. Measured in TypeScript with
 * 4 M keys on one core: one loop finds 10 M keys/s, the passes of find-rows.ts 13 M/s. Keys and rows in separate arrays:
 * 5 M/s. One flat array instead of pages: 10 % faster, but growth must copy all of it at once.
 */
export const entriesPerBucket = 4;
/** From the first word of an entry, which is its low, to its others. */
export const highWord = 4;
export const rowWord = 8;
/** A power of two and one cache line; the last four words are not used. */
const bucketWords = 16;
/** Too small: more page headers to fetch per probe. Too large: the copy of a growing first page becomes a pause. */
const pageShift = 14;
const pageBuckets = 1 << pageShift;
const pageMask = pageBuckets - 1;

/** Buckets per page of fills: 1 MiB. */
const fillShift = 20;
const fillMask = (1 << fillShift) - 1;

export class Buckets {
  pages: Int32Array[];
  /**
   * How many entries of each bucket are in use, a byte each. The search for room looks at a dozen buckets that are in no
   * cache, mostly to learn that they are full; these bytes are. Measured at 0.94 load: 0.6 M inserts/s without them, as
   * each look was a miss.
   */
  readonly #fills: Uint8Array[] = [];
  /** Buckets of the finished level, minus one. */
  mask: number;
  /** Buckets of this level that are already split; 0 when no growth is under way. */
  splitCount = 0;
  readonly seedA: number;
  readonly seedB: number;
  readonly seedC: number;

  readonly #memory = new PageMemory('index');
  readonly #pages: Page[] = [];
  readonly directory = new PageDirectory(this.#memory);

  /** @param bucketCount a power of two. */
  constructor(bucketCount: number, seed: number) {
    this.mask = bucketCount - 1;
    this.seedA = mix32(seed ^ 0x243f6a88) | 0;
    this.seedB = mix32(seed ^ 0x85a308d3) | 0;
    this.seedC = mix32(seed ^ 0x13198a2e) | 0;
    this.pages = [];
    for (let remaining = bucketCount; remaining > 0; remaining -= pageBuckets) {
      this.#setPage(this.pages.length, Math.min(remaining, pageBuckets));
    }
    for (let bucket = 0; bucket < bucketCount; bucket += fillMask + 1) this.#makeFillsFor(bucket);
  }

  get bucketCount(): number {
    return this.mask + 1 + this.splitCount;
  }

  get bytes(): number {
    let bytes = 0;
    for (const page of this.pages) bytes += page.byteLength;
    for (const page of this.#fills) bytes += page.byteLength;
    return bytes;
  }

  /** Bucket of the first hash. */
  firstBucket(low: number, high: number): number {
    const folded = feistelRound(high, low, this.seedA);
    const second = feistelRound(low, folded, this.seedB);
    return bucketOf(feistelRound(folded, second, this.seedC), this.mask, this.splitCount);
  }

  /** Bucket of the second hash; the same as the first for one key in `bucketCount`. */
  secondBucket(low: number, high: number): number {
    const folded = feistelRound(high, low, this.seedA);
    return bucketOf(feistelRound(low, folded, this.seedB), this.mask, this.splitCount);
  }

  /** First empty entry of a bucket, or -1. */
  emptyEntry(bucket: number): number {
    const page = pageOf(this.pages, bucket);
    const base = baseOf(bucket);
    for (let entry = 0; entry < entriesPerBucket; entry++) {
      if (page[base + rowWord + entry] === 0) return entry;
    }
    return -1;
  }

  isFull(bucket: number): boolean {
    return this.#fills[bucket >>> fillShift]![bucket & fillMask] === entriesPerBucket;
  }

  /** Entries in use. */
  fillOf(bucket: number): number {
    return this.#fills[bucket >>> fillShift]![bucket & fillMask]!;
  }

  /** Writes an entry that is empty. */
  put(bucket: number, entry: number, low: number, high: number, rowPlusOne: number): void {
    const page = pageOf(this.pages, bucket);
    const at = baseOf(bucket) + entry;
    page[at] = low;
    page[at + highWord] = high;
    page[at + rowWord] = rowPlusOne;
    this.#fills[bucket >>> fillShift]![bucket & fillMask]!++;
  }

  /** Empties an entry that is in use. */
  clear(bucket: number, entry: number): void {
    pageOf(this.pages, bucket)[baseOf(bucket) + rowWord + entry] = 0;
    this.#fills[bucket >>> fillShift]![bucket & fillMask]!--;
  }

  /** Copies an entry to an empty one and empties the source. */
  move(sourceBucket: number, sourceEntry: number, targetBucket: number, targetEntry: number): void {
    const page = pageOf(this.pages, sourceBucket);
    const at = baseOf(sourceBucket) + sourceEntry;
    this.put(targetBucket, targetEntry, page[at]!, page[at + highWord]!, page[at + rowWord]!);
    this.clear(sourceBucket, sourceEntry);
  }

  /** Splits the next bucket of the level. O(1), but for the copy of a first page that is still below full size. */
  splitNext(): void {
    const bucket = this.splitCount;
    const sibling = bucket + this.mask + 1;
    this.#makePageFor(sibling);
    this.#makeFillsFor(sibling);
    this.splitCount++;
    const page = pageOf(this.pages, bucket);
    const base = baseOf(bucket);
    for (let entry = 0; entry < entriesPerBucket; entry++) {
      const at = base + entry;
      if (page[at + rowWord] === 0) continue;
      const low = page[at]!;
      const high = page[at + highWord]!;
      if (this.firstBucket(low, high) === bucket || this.secondBucket(low, high) === bucket)
        continue;
      this.move(bucket, entry, sibling, entry);
    }
    if (this.splitCount === this.mask + 1) {
      this.mask = 2 * this.mask + 1;
      this.splitCount = 0;
    }
  }

  #makeFillsFor(bucket: number): void {
    const pageIndex = bucket >>> fillShift;
    if (pageIndex > 0) {
      if (pageIndex === this.#fills.length) this.#fills.push(new Uint8Array(fillMask + 1));
      return;
    }
    const first = this.#fills[0];
    const needed = this.bucketCount;
    if (first && bucket < first.length) return;
    const larger = new Uint8Array(first ? 2 * first.length : Math.min(needed, fillMask + 1));
    if (first) larger.set(first);
    this.#fills[0] = larger;
  }

  #makePageFor(bucket: number): void {
    const pageIndex = bucket >>> pageShift;
    if (pageIndex > 0) {
      if (pageIndex === this.pages.length) this.#setPage(pageIndex, pageBuckets);
      return;
    }
    const first = this.pages[0]!;
    if ((bucket + 1) * bucketWords <= first.length) return;
    const page = this.#pages[0]!;
    this.#setPage(0, (2 * first.length) / bucketWords);
    this.pages[0]!.set(first);
    this.#memory.release(page);
  }

  #setPage(index: number, bucketCount: number): void {
    const words = bucketCount * bucketWords;
    const page = this.#memory.allocate(4 * words);
    this.#pages[index] = page;
    this.pages[index] = new Int32Array(page.buffer, page.offset, words);
    this.directory.set(index, page);
  }
}

/** One round of a Feistel network: invertible in `half` for any `key`. */
export function feistelRound(half: number, key: number, seed: number): number {
  return half ^ mix32((key + seed) | 0);
}

/** Branch-free, as while growing half of all branches here would be mispredicted. */
export function bucketOf(hash: number, mask: number, splitCount: number): number {
  const isSplit = ((hash & mask) - splitCount) >> 31;
  return hash & (mask | (isSplit & (2 * mask + 1)));
}

export function pageOf(pages: readonly Int32Array[], bucket: number): Int32Array {
  return pages[bucket >>> pageShift]!;
}

export function baseOf(bucket: number): number {
  return (bucket & pageMask) * bucketWords;
}

/** row + 1 of the key in the bucket at `base`, or 0. */
export function matchInBucket(page: Int32Array, base: number, low: number, high: number): number {
  if (page[base] === low && page[base + 4] === high && page[base + 8] !== 0) return page[base + 8]!;
  if (page[base + 1] === low && page[base + 5] === high && page[base + 9] !== 0)
    return page[base + 9]!;
  if (page[base + 2] === low && page[base + 6] === high && page[base + 10] !== 0)
    return page[base + 10]!;
  if (page[base + 3] === low && page[base + 7] === high && page[base + 11] !== 0)
    return page[base + 11]!;
  return 0;
}
