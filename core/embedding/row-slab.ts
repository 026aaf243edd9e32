import { assert } from '../base/assert.js';
import { kernelKeysMax, kernelKeysMin } from './kernels/arena.js';
import { PageDirectory } from './page-directory.js';
import { PageMemory, type Page } from './page-memory.js';

/**
 * Rows of one fixed width, in pages, so that a table can exceed the longest array and growth copies nothing but a
 * first page that is still below full size. A row never moves while it lives.
 *
 *   row    f32 [rowWidth]   weights [dim], optimizer state [stateWidth]
 *   facts  u32 [4]          key low, key high, newest update (event seconds), update count (30 bits) and mark (2 bits)
 *   page   rows, then the facts of all of them
 *
 * Facts between the rows were measured too: 5 to 25 % slower, as rows of 16 weights then lie across lines.
 *
 * The key stands here as well as in the index, so that rows can be walked in an order that insertions don't disturb
 * and a touched row can say whose it is. Update count 0 stands for a free row; its first fact is then the next free row + 1.
 */
const factWords = 4;
const lowFact = 0;
const highFact = 1;
const updatedAtFact = 2;
const countFact = 3;

/** Too small: many page headers. Too large: the copy of a growing first page becomes a pause (1 MiB: about 0.2 ms). */
const pageFloatsMax = 1 << 18;
const firstPageRows = 16;
/** A count stays at the largest it can hold. */
const countMax = 2 ** 30 - 1;
const markShift = 30;

export class RowSlab {
  readonly rowWidth: number;
  readonly pageShift: number;
  readonly pageMask: number;
  readonly pages: Float32Array[] = [];
  /** The same memory as words, to copy rows by: V8 converts each float to double precision and back. */
  readonly words: Int32Array[] = [];
  readonly #facts: Int32Array[] = [];
  #liveRows = 0;
  #rowLimit = 0;
  /** First free row + 1; 0 when none. */
  #freeHead = 0;

  readonly #memory = new PageMemory('rows');
  readonly #pages: Page[] = [];
  readonly directory = new PageDirectory(this.#memory);
  readonly #factsDirectory = new PageDirectory(this.#memory);

  constructor(rowWidth: number, initialRows = 0) {
    assert(Number.isInteger(rowWidth) && rowWidth > 0, 'a row has at least one float');
    this.rowWidth = rowWidth;
    let pageShift = 4;
    while (2 ** (pageShift + 1) * rowWidth <= pageFloatsMax) pageShift++;
    this.pageShift = pageShift;
    this.pageMask = 2 ** pageShift - 1;
    while (this.#capacity < initialRows) this.#grow();
  }

  /** Of the floats. */
  get rowBytes(): number {
    return 4 * this.rowWidth;
  }

  get rowCount(): number {
    return this.#liveRows;
  }

  /** One more than the highest row ever used: walk 0 … rowEnd - 1 and ask `isLive`. */
  get rowEnd(): number {
    return this.#rowLimit;
  }

  get bytes(): number {
    let bytes = 0;
    for (const page of this.pages) bytes += page.byteLength;
    for (const page of this.#facts) bytes += page.byteLength;
    return bytes;
  }

  /** The row that the next `allocate` gives. */
  get nextRow(): number {
    return this.#freeHead > 0 ? this.#freeHead - 1 : this.#rowLimit;
  }

  /** A row for the key; its floats are whatever was there before. Freed rows are used first, the latest first. */
  allocate(low: number, high: number, atSeconds: number): number {
    const row = this.nextRow;
    if (row === this.#rowLimit) {
      if (row === this.#capacity) this.#grow();
      this.#rowLimit++;
    }
    const facts = this.#factsOf(row);
    const at = this.#factOffset(row);
    if (this.#freeHead > 0) this.#freeHead = facts[at]!;
    facts[at + lowFact] = low;
    facts[at + highFact] = high;
    facts[at + updatedAtFact] = atSeconds;
    setCount(facts, at, 1);
    this.#liveRows++;
    return row;
  }

  release(row: number): void {
    assert(this.isLive(row), 'a row is released once');
    const facts = this.#factsOf(row);
    const at = this.#factOffset(row);
    facts[at] = this.#freeHead;
    setCount(facts, at, 0);
    this.#freeHead = row + 1;
    this.#liveRows--;
  }

  /** Notes one more update of a live row. Event time only moves forward, so a replay does not make a row older. */
  recordUpdate(row: number, atSeconds: number): void {
    const facts = this.#factsOf(row);
    const at = this.#factOffset(row);
    if (facts[at + updatedAtFact]! >>> 0 < atSeconds) facts[at + updatedAtFact] = atSeconds;
    if ((facts[at + countFact]! & countMax) < countMax) facts[at + countFact]!++;
  }

  /** As recordUpdate for each of `rowCount` live rows, at most a block; in WebAssembly where the facts are in its reach. */
  recordUpdates(rows: Int32Array, rowCount: number, atSeconds: number): void {
    assert(rowCount <= kernelKeysMax, 'updates are recorded a block at a time');
    const directory = this.#factsDirectory;
    const { reaches } = directory;
    if (reaches.length === 0 || rowCount < kernelKeysMin) {
      for (let i = 0; i < rowCount; i++) this.recordUpdate(rows[i]!, atSeconds);
      return;
    }
    const { pageShift } = this;
    for (const [r, { arena, list }] of reaches.entries()) {
      const count = directory.select(r, rows, rowCount, pageShift);
      const { kernels, scratch } = arena;
      kernels.record(list, pageShift, arena.rows.byteOffset, count, atSeconds, scratch);
    }
  }

  /** Facts of a live row that was taken over from elsewhere. A count of 0 would mark it as free. */
  setFacts(row: number, atSeconds: number, updateCount: number): void {
    assert(updateCount > 0, 'a row was updated at least once');
    const facts = this.#factsOf(row);
    const at = this.#factOffset(row);
    facts[at + updatedAtFact] = atSeconds;
    setCount(facts, at, Math.min(updateCount, countMax));
  }

  isLive(row: number): boolean {
    return row < this.#rowLimit && this.updateCount(row) !== 0;
  }

  low(row: number): number {
    return this.#factsOf(row)[this.#factOffset(row) + lowFact]! >>> 0;
  }

  high(row: number): number {
    return this.#factsOf(row)[this.#factOffset(row) + highFact]! >>> 0;
  }

  updatedAtSeconds(row: number): number {
    return this.#factsOf(row)[this.#factOffset(row) + updatedAtFact]! >>> 0;
  }

  updateCount(row: number): number {
    return this.#factsOf(row)[this.#factOffset(row) + countFact]! & countMax;
  }

  /** What a queue of rows knows of each of them, free ones too; see touched-queue.ts. */
  markOf(row: number): number {
    return this.#factsOf(row)[this.#factOffset(row) + countFact]! >>> markShift;
  }

  setMark(row: number, mark: number): void {
    const facts = this.#factsOf(row);
    const at = this.#factOffset(row) + countFact;
    facts[at] = (facts[at]! & countMax) | (mark << markShift);
  }

  pageOf(row: number): Float32Array {
    return this.pages[row >>> this.pageShift]!;
  }

  /** Where the row begins in its page, in floats. */
  offsetOf(row: number): number {
    return (row & this.pageMask) * this.rowWidth;
  }

  #factsOf(row: number): Int32Array {
    return this.#facts[row >>> this.pageShift]!;
  }

  #factOffset(row: number): number {
    return (row & this.pageMask) * factWords;
  }

  get #capacity(): number {
    if (this.pages.length === 0) return 0;
    return (
      (this.pages.length - 1) * (this.pageMask + 1) + this.pages.at(-1)!.length / this.rowWidth
    );
  }

  /** Doubles the first page until it is a full one, then adds full pages. */
  #grow(): void {
    const pageRows = this.pageMask + 1;
    const firstRows = this.pages.length === 0 ? 0 : this.pages[0]!.length / this.rowWidth;
    if (firstRows === pageRows) return this.#setPage(this.pages.length, pageRows);
    const [rows, facts, page] = [this.pages[0], this.#facts[0], this.#pages[0]];
    this.#setPage(0, firstRows === 0 ? firstPageRows : 2 * firstRows);
    if (!rows || !facts || !page) return;
    this.pages[0]!.set(rows);
    this.#facts[0]!.set(facts);
    this.#memory.release(page);
  }

  #setPage(index: number, rowCount: number): void {
    const floats = rowCount * this.rowWidth;
    const page = this.#memory.allocate(4 * (floats + rowCount * factWords));
    const { buffer, offset } = page;
    this.#pages[index] = page;
    this.pages[index] = new Float32Array(buffer, offset, floats);
    this.words[index] = new Int32Array(buffer, offset, floats);
    this.#facts[index] = new Int32Array(buffer, offset + 4 * floats, rowCount * factWords);
    this.directory.set(index, page);
    this.#factsDirectory.set(index, page, 4 * floats);
  }
}

/** The mark stays. */
function setCount(facts: Int32Array, at: number, count: number): void {
  facts[at + countFact] = (facts[at + countFact]! & ~countMax) | count;
}

/** The bits of floats. */
export function wordsOf(floats: Float32Array): Int32Array {
  return new Int32Array(floats.buffer, floats.byteOffset, floats.length);
}
