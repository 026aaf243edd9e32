import { TouchedQueue, type RowMarks } from './touched-queue.js';

/**
 * What the delta log has yet to hear of a table: keys that went, then rows that changed. Taking costs O(what is taken).
 *
 * The order is part of the meaning: whoever follows applies all evictions first. That is right however the two are
 * mixed. A row that is changed and then evicted is no longer marked, so only its eviction is told. A key that is
 * evicted and comes back is told twice, gone and then there; as evictions are handed out before any row, in the same
 * take or an earlier one, the follower never removes what it was just given.
 */
export class PendingChanges {
  readonly rows: TouchedQueue;
  #keys = new Uint32Array(16);
  #head = 0;
  #tail = 0;

  constructor(marks: RowMarks) {
    this.rows = new TouchedQueue(marks);
  }

  get evictedCount(): number {
    return this.#tail - this.#head;
  }

  get bytes(): number {
    return this.rows.bytes + this.#keys.byteLength;
  }

  /** The row is gone, and its index may be given to another key at once. */
  evict(row: number, low: number, high: number): void {
    this.rows.unmark(row);
    if (2 * this.#tail === this.#keys.length) this.#makeRoom();
    this.#keys[2 * this.#tail] = low;
    this.#keys[2 * this.#tail + 1] = high;
    this.#tail++;
  }

  /** Writes up to `limit` evicted keys, the earliest first, as pairs from pair `start` on; returns how many. */
  takeEvicted(fids: Uint32Array, start: number, limit: number): number {
    const count = Math.min(limit, this.evictedCount);
    fids.set(this.#keys.subarray(2 * this.#head, 2 * (this.#head + count)), 2 * start);
    this.#head += count;
    if (this.#head === this.#tail) this.#head = this.#tail = 0;
    return count;
  }

  #makeRoom(): void {
    const waiting = this.#keys.subarray(2 * this.#head, 2 * this.#tail);
    if (2 * waiting.length <= this.#keys.length) {
      this.#keys.copyWithin(0, 2 * this.#head, 2 * this.#tail);
    } else {
      const larger = new Uint32Array(2 * this.#keys.length);
      larger.set(waiting);
      this.#keys = larger;
    }
    this.#tail -= this.#head;
    this.#head = 0;
  }
}
