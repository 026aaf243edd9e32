import { assert } from '../base/assert.js';

/**
 * The rows one consumer has yet to hear of, first touched first. A row is in the queue at most once, however often it
 * is touched, so the queue is never longer than the table and taking costs O(rows taken). A row that is removed while
 * it waits only loses its mark; its place in the queue is skipped, or used again if the row is.
 *
 * Where a row stands is kept by the table, beside its update count: that line has just been written when a row is marked.
 * An array of marks of its own was a cache miss per pushed row, a quarter of a push.
 */
const outside = 0;
const unmarked = 1;
const marked = 2;

/** Of each row: 0 at first, and kept when the row is released and used again. */
export interface RowMarks {
  /** One more than the highest row ever used. */
  readonly rowEnd: number;
  markOf(row: number): number;
  setMark(row: number, mark: number): void;
}

/** Too small: many arrays. Too large: the array that is added at once becomes a pause (256 KiB: far below 0.1 ms). */
const chunkRows = 1 << 16;
const firstRows = 16;

export class TouchedQueue {
  readonly #marks: RowMarks;
  /** First in, first out, over chunks that are dropped when they are empty. */
  readonly #chunks: Int32Array[] = [new Int32Array(firstRows)];
  /** In the first chunk. */
  #head = 0;
  /** In the last one. */
  #tail = 0;
  #markedRows = 0;

  constructor(marks: RowMarks) {
    this.#marks = marks;
  }

  get count(): number {
    return this.#markedRows;
  }

  get bytes(): number {
    let bytes = 0;
    for (const chunk of this.#chunks) bytes += chunk.byteLength;
    return bytes;
  }

  mark(row: number): void {
    const state = this.#marks.markOf(row);
    if (state === marked) return;
    this.#marks.setMark(row, marked);
    this.#markedRows++;
    if (state === outside) this.#enqueue(row);
  }

  /** One call per block. */
  markAll(rows: Int32Array, rowCount: number): void {
    for (let i = 0; i < rowCount; i++) this.mark(rows[i]!);
  }

  unmark(row: number): void {
    if (this.#marks.markOf(row) !== marked) return;
    this.#marks.setMark(row, unmarked);
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
      if (this.#marks.markOf(row) === marked) {
        rows[taken++] = row;
        this.#markedRows--;
      }
      this.#marks.setMark(row, outside);
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
    for (let row = 0; row < this.#marks.rowEnd; row++) {
      const state = this.#marks.markOf(row);
      assert((state !== outside) === queued.has(row), 'a row is queued while it has a mark');
      if (state !== marked) continue;
      assert(isLive(row), 'a marked row is live');
      markedRows++;
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
    const chunk = new Int32Array(Math.min(2 * last.length, chunkRows));
    chunk[0] = row;
    this.#chunks.push(chunk);
    this.#tail = 1;
  }
}
