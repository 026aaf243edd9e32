import { hashPair } from '../base/hash.js';

/**
 * The keys that found no room in their buckets: usually none, a handful by bad luck, many only if somebody makes keys
 * collide. A small open-addressed table under a hash of its own, so that even many of them cost a probe each and not a
 * scan. An entry is low, high, row + 1; 0 means empty. Removal closes the gap, so there are no tombstones.
 */
const entryWords = 3;
const capacityMin = 16;

export class Stash {
  #entries = new Int32Array(0);
  #mask = -1;
  #keyCount = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#keyCount;
  }

  get bytes(): number {
    return this.#entries.byteLength;
  }

  /** row + 1 of a key, or 0. */
  find(low: number, high: number): number {
    if (this.#keyCount === 0) return 0;
    return this.#entries[this.#place(low, high) + 2]!;
  }

  /** A key that is not in the stash. */
  insert(low: number, high: number, rowPlusOne: number): void {
    if (2 * (this.#keyCount + 1) > this.#mask + 1) this.#grow();
    const at = this.#place(low, high);
    this.#entries[at] = low;
    this.#entries[at + 1] = high;
    this.#entries[at + 2] = rowPlusOne;
    this.#keyCount++;
  }

  /** row + 1 of the key that was removed, or 0. */
  remove(low: number, high: number): number {
    if (this.#keyCount === 0) return 0;
    let gap = this.#place(low, high);
    const removed = this.#entries[gap + 2]!;
    if (removed === 0) return 0;
    this.#keyCount--;
    // Whoever follows in the run and was pushed past the gap moves into it.
    for (let at = this.#next(gap); this.#entries[at + 2] !== 0; at = this.#next(at)) {
      const home = this.#home(this.#entries[at]!, this.#entries[at + 1]!);
      if (this.#distance(home, at) < this.#distance(gap, at)) continue;
      this.#entries.copyWithin(gap, at, at + entryWords);
      gap = at;
    }
    this.#entries[gap + 2] = 0;
    return removed;
  }

  /** Takes out all keys for which `rehome` answers true. */
  drain(rehome: (low: number, high: number, rowPlusOne: number) => boolean): void {
    const entries = this.#entries;
    this.#entries = new Int32Array(0);
    this.#mask = -1;
    this.#keyCount = 0;
    for (let at = 0; at < entries.length; at += entryWords) {
      if (entries[at + 2] === 0) continue;
      const [low, high, rowPlusOne] = [entries[at]!, entries[at + 1]!, entries[at + 2]!];
      if (!rehome(low, high, rowPlusOne)) this.insert(low, high, rowPlusOne);
    }
  }

  /** Where the key stands, or the empty entry where it would. At most half of the entries are in use, so there is one. */
  #place(low: number, high: number): number {
    let at = this.#home(low, high);
    while (
      this.#entries[at + 2] !== 0 &&
      (this.#entries[at] !== low || this.#entries[at + 1] !== high)
    )
      at = this.#next(at);
    return at;
  }

  #home(low: number, high: number): number {
    return (hashPair(low, high, this.#seed) & this.#mask) * entryWords;
  }

  #next(at: number): number {
    return at + entryWords === this.#entries.length ? 0 : at + entryWords;
  }

  /** Words from `start` forward to `at`. */
  #distance(start: number, at: number): number {
    return at >= start ? at - start : at - start + this.#entries.length;
  }

  #grow(): void {
    const entries = this.#entries;
    const capacity = Math.max(capacityMin, 2 * (this.#mask + 1));
    this.#entries = new Int32Array(capacity * entryWords);
    this.#mask = capacity - 1;
    this.#keyCount = 0;
    for (let at = 0; at < entries.length; at += entryWords) {
      if (entries[at + 2] !== 0) this.insert(entries[at]!, entries[at + 1]!, entries[at + 2]!);
    }
  }
}
