import { assert } from '../../base/assert.js';
import { PageDirectory } from '../page-directory.js';
import { PageMemory, type Page } from '../page-memory.js';

/**
 * Rows of a fixed number of words, in pages, with their keys; the counterpart of RowSlab for what is only read. There
 * is no update time and no count, as a serving table neither expires rows by itself nor admits them.
 *
 *   page   rowBytes · 2^pageShift bytes, seen as i32, f32, u16 and i8
 *   keys   i32 [2] per row: low, high; of a free row: next free row + 1, unused
 *   lives  1 bit per row, 32 rows to a word, the first the lowest
 *
 * A row never moves while it lives. The index knows which rows live, too, as a key that leads back to the row; but a
 * walk that asks it pays a miss per free row, and a table of 2 M rows of which all but 1500 are gone held the shard up
 * for 450 ms at one page of a snapshot. A word of bits passes over 32 free rows at once.
 */

/** Too small: many page headers. Too large: the copy of a growing first page becomes a pause (1 MiB: about 0.2 ms). */
const pageBytesMax = 1 << 20;
const firstPageRows = 16;
const keyWords = 2;
/** Rows to a word of `lives`: 2^5. */
const wordShift = 5;
const wordMask = 31;

export class PackedRows {
  readonly rowBytes: number;
  readonly pageShift: number;
  readonly pageMask: number;
  /** Views of the same pages. */
  readonly words: Int32Array[] = [];
  readonly floats: Float32Array[] = [];
  readonly halves: Uint16Array[] = [];
  readonly bytes8: Int8Array[] = [];
  readonly #keys: Int32Array[] = [];
  readonly #memory = new PageMemory('rows');
  readonly #pages: Page[] = [];
  /** Of the pages, for the kernels. */
  readonly directory = new PageDirectory(this.#memory);
  #lives = new Int32Array(1);
  #liveRows = 0;
  #rowLimit = 0;
  /** First free row + 1; 0 when none. */
  #freeHead = 0;

  constructor(rowBytes: number) {
    assert(rowBytes > 0 && rowBytes % 4 === 0, 'a row is whole words');
    this.rowBytes = rowBytes;
    let pageShift = 4;
    while (2 ** (pageShift + 1) * rowBytes <= pageBytesMax) pageShift++;
    this.pageShift = pageShift;
    this.pageMask = 2 ** pageShift - 1;
  }

  get rowCount(): number {
    return this.#liveRows;
  }

  /** One more than the highest row ever used. */
  get rowEnd(): number {
    return this.#rowLimit;
  }

  get bytes(): number {
    let bytes = 0;
    for (const page of this.words) bytes += page.byteLength;
    for (const page of this.#keys) bytes += page.byteLength;
    return bytes + this.#lives.byteLength;
  }

  /** A row for the key, with whatever weights were there before. Freed rows are used first, the latest first. */
  allocate(low: number, high: number): number {
    const row = this.#freeHead > 0 ? this.#freeHead - 1 : this.#rowLimit;
    if (row === this.#rowLimit) {
      if (row === this.#capacity) this.#grow();
      if (row >>> wordShift === this.#lives.length) this.#lives = doubled(this.#lives);
      this.#rowLimit++;
    }
    const keys = this.#keys[row >>> this.pageShift]!;
    const at = (row & this.pageMask) * keyWords;
    if (this.#freeHead > 0) this.#freeHead = keys[at]!;
    keys[at] = low;
    keys[at + 1] = high;
    this.#lives[row >>> wordShift]! |= 1 << (row & wordMask);
    this.#liveRows++;
    return row;
  }

  /** Of a row that lives: the caller has just had it from the index. */
  release(row: number): void {
    assert(row < this.#rowLimit && this.#liveRows > 0, 'a released row was allocated');
    this.#keys[row >>> this.pageShift]![(row & this.pageMask) * keyWords] = this.#freeHead;
    this.#freeHead = row + 1;
    this.#lives[row >>> wordShift]! &= ~(1 << (row & wordMask));
    this.#liveRows--;
  }

  /** The first row at `from` or after it that lives, or rowEnd. */
  nextLive(from: number): number {
    const lives = this.#lives;
    const rowLimit = this.#rowLimit;
    let row = from;
    while (row < rowLimit) {
      const rest = lives[row >>> wordShift]! >>> (row & wordMask);
      // The lowest bit that is set, counted from below.
      if (rest !== 0) return row + 31 - Math.clz32(rest & -rest);
      row = (row | wordMask) + 1;
    }
    return rowLimit;
  }

  /** Key words as int32. */
  low(row: number): number {
    return this.#keys[row >>> this.pageShift]![(row & this.pageMask) * keyWords]!;
  }

  high(row: number): number {
    return this.#keys[row >>> this.pageShift]![(row & this.pageMask) * keyWords + 1]!;
  }

  /** Free rows form a list without cycles, and rows are free or live. O(free rows). */
  verify(): void {
    let free = 0;
    for (let next = this.#freeHead; next > 0; next = this.low(next - 1)) {
      free++;
      assert(free <= this.#rowLimit, 'the list of free rows ends');
    }
    assert(free + this.#liveRows === this.#rowLimit, 'each row is free or live');
    let live = 0;
    for (let row = this.nextLive(0); row < this.#rowLimit; row = this.nextLive(row + 1)) live++;
    assert(live === this.#liveRows, 'each live row has its bit');
  }

  get #capacity(): number {
    const pageCount = this.words.length;
    if (pageCount === 0) return 0;
    return (pageCount - 1) * (this.pageMask + 1) + this.words.at(-1)!.byteLength / this.rowBytes;
  }

  /** Doubles the first page until it is a full one, then adds full pages. */
  #grow(): void {
    const pageRows = this.pageMask + 1;
    const firstRows = this.words.length === 0 ? 0 : this.words[0]!.byteLength / this.rowBytes;
    if (firstRows === pageRows) {
      this.#setPage(this.words.length, pageRows);
      return;
    }
    const [words, keys, page] = [this.words[0], this.#keys[0], this.#pages[0]];
    this.#setPage(0, firstRows === 0 ? firstPageRows : 2 * firstRows);
    if (!words || !keys || !page) return;
    this.words[0]!.set(words);
    this.#keys[0]!.set(keys);
    this.#memory.release(page);
  }

  #setPage(pageIndex: number, rowCount: number): void {
    const bytes = rowCount * this.rowBytes;
    const page = this.#memory.allocate(bytes);
    const { buffer, offset } = page;
    this.#pages[pageIndex] = page;
    this.words[pageIndex] = new Int32Array(buffer, offset, bytes / 4);
    this.floats[pageIndex] = new Float32Array(buffer, offset, bytes / 4);
    this.halves[pageIndex] = new Uint16Array(buffer, offset, bytes / 2);
    this.bytes8[pageIndex] = new Int8Array(buffer, offset, bytes);
    this.#keys[pageIndex] = new Int32Array(rowCount * keyWords);
    this.directory.set(pageIndex, page);
  }
}

/** An eighth of a byte per row: 1 MiB is copied when 8 M rows become more. */
function doubled(words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * words.length);
  larger.set(words);
  return larger;
}
