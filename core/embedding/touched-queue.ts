import { assert } from '../base/assert.js';

/**
 * The rows one consumer has yet to hear of, first touched first. A row is in the queue at most once, however often it
 * is touched, so the queue is never longer than the table and taking costs O(rows taken). A row that is removed while
 * it waits only loses its mark; its place in the queue is skipped, or used again if the row is.
 *
 * One instance per consumer: delta publishing and a handover can then each take at their own pace.
 */
const outside = 0;
const unmarked = 1;
const marked = 2;

/** Too small: many arrays. Too large: the array that is added at once becomes a pause (256 KiB: far below 0.1 ms). */
const pageShift = 16;
const pageRows = 1 << pageShift;
const pageMask = pageRows - 1;
const firstRows = 16;

export class TouchedQueue {
  /** A byte per row, in pages, so that growth never copies more than a first page that is still below full size. */
  readonly #states: Uint8Array[] = [new Uint8Array(firstRows)];
  /** First in, first out, over chunks that are dropped when they are empty. */
  readonly #chunks: Int32Array[] = [new Int32Array(firstRows)];
  /** In the first chunk. */
  #head = 0;
  /** In the last one. */
  #tail = 0;
  #markedRows = 0;

  get count(): number {
    return this.#markedRows;
  }

  get bytes(): number {
    let bytes = 0;
    for (const page of this.#states) bytes += page.byteLength;
    for (const chunk of this.#chunks) bytes += chunk.byteLength;
    return bytes;
  }

  mark(row: number): void {
    const page = this.#pageFor(row);
    const state = page[row & pageMask]!;
    if (state === marked) return;
    page[row & pageMask] = marked;
    this.#markedRows++;
    if (state === outside) this.#enqueue(row);
  }

  /** One call per block. */
  markAll(rows: Int32Array, rowCount: number): void {
    for (let i = 0; i < rowCount; i++) this.mark(rows[i]!);
  }

  unmark(row: number): void {
    const page = this.#states[row >>> pageShift];
    if (page?.[row & pageMask] !== marked) return;
    page[row & pageMask] = unmarked;
    this.#markedRows--;
  }

  /** Writes up to `limit` rows to `rows` and forgets them; returns how many. */
  take(rows: Int32Array, limit: number): number {
    let taken = 0;
    while (taken < limit && this.#markedRows > 0) {
      if (this.#head === this.#chunks[0]!.length) {
        this.#chunks.shift();
        this.#head = 0;
      }
      const row = this.#chunks[0]![this.#head++]!;
      const page = this.#states[row >>> pageShift]!;
      if (page[row & pageMask] === marked) {
        rows[taken++] = row;
        this.#markedRows--;
      }
      page[row & pageMask] = outside;
    }
    if (this.#chunks.length === 1 && this.#head === this.#tail) this.#head = this.#tail = 0;
    return taken;
  }

  /** What is marked is live and queued, once. O(rows), for tests and chaos. */
  verify(isLive: (row: number) => boolean): void {
    const queued = new Set<number>();
    let length = 0;
    for (const [i, chunk] of this.#chunks.entries()) {
      const end = i === this.#chunks.length - 1 ? this.#tail : chunk.length;
      for (let at = i === 0 ? this.#head : 0; at < end; at++, length++) queued.add(chunk[at]!);
    }
    assert(queued.size === length, 'a row is queued once');
    let markedRows = 0;
    for (const [i, page] of this.#states.entries()) {
      for (let at = 0; at < page.length; at++) {
        const row = i * pageRows + at;
        assert((page[at] !== outside) === queued.has(row), 'a row is queued while it has a state');
        if (page[at] !== marked) continue;
        assert(isLive(row), 'a marked row is live');
        markedRows++;
      }
    }
    assert(markedRows === this.#markedRows, 'as many marked rows as are counted');
  }

  #enqueue(row: number): void {
    const last = this.#chunks[this.#chunks.length - 1]!;
    if (this.#tail < last.length) {
      last[this.#tail++] = row;
      return;
    }
    if (this.#chunks.length === 1 && 2 * (this.#tail - this.#head) <= last.length) {
      // Half of the only chunk has been taken: its room is used again.
      last.copyWithin(0, this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#head = 0;
      last[this.#tail++] = row;
      return;
    }
    const chunk = new Int32Array(Math.min(2 * last.length, pageRows));
    chunk[0] = row;
    this.#chunks.push(chunk);
    this.#tail = 1;
  }

  #pageFor(row: number): Uint8Array {
    const index = row >>> pageShift;
    const page = this.#states[index];
    if (page && (row & pageMask) < page.length) return page;
    let first = this.#states[0]!;
    while (first.length < pageRows && row >= first.length) {
      const larger = new Uint8Array(2 * first.length);
      larger.set(first);
      this.#states[0] = first = larger;
    }
    while (this.#states.length <= index) this.#states.push(new Uint8Array(pageRows));
    return this.#states[index]!;
  }
}
