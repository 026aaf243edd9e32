import { kernelKeysMax, type Arena, type Block } from './kernels/arena.js';
import type { Page, PageMemory } from './page-memory.js';

/** The pages of one arena, as its kernels get them. */
export interface Reach {
  readonly arena: Arena;
  /** Address of the list of the pages' addresses; 0 stands for a page that is elsewhere. */
  readonly list: number;
}

/** Too small: many lists thrown away while a table grows. */
const listPagesMin = 16;
const none: readonly Reach[] = [];

/**
 * Where the pages of a table are, for the kernels: a list for each arena that holds some of them. While one page is in no
 * arena, as all are while a table is young, the kernels are of no use to it.
 */
export class PageDirectory {
  readonly #memory: PageMemory;
  readonly #pages: Page[] = [];
  readonly #offsets: number[] = [];
  readonly #reaches: (Reach & { readonly block: Block })[] = [];
  /** By page, which reach; 255 for none. */
  #places = new Uint8Array(listPagesMin);
  #outside = 0;

  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  /** None, unless each page is in one of them. */
  get reaches(): readonly Reach[] {
    return this.#outside > 0 ? none : this.#reaches;
  }

  /** The one that holds all pages, if one does. */
  get only(): Reach | undefined {
    return this.#reaches.length === 1 && this.#outside === 0 ? this.#reaches[0] : undefined;
  }

  /** Page `index` is here from now on, `skip` bytes after the beginning of what was allocated. */
  set(index: number, page: Page, skip = 0): void {
    if (this.#pages[index] && this.#places[index] === nowhere) this.#outside--;
    if (index === this.#places.length) this.#places = doubled(this.#places);
    this.#pages[index] = page;
    this.#offsets[index] = skip;
    const place = page.block ? this.#list(page.block.arena, index) : nowhere;
    this.#places[index] = place;
    if (place === nowhere) this.#outside++;
  }

  /**
   * Brings those of `count` rows that a reach holds into the rows of its arena, and writes where in the block each of them
   * is to `positions`; returns how many. Absent ones go with the first reach.
   */
  select(reach: number, rows: Int32Array, count: number, pageShift: number): number {
    const target = this.#reaches[reach]!.arena.rows;
    if (this.#reaches.length === 1) {
      target.set(count === rows.length ? rows : rows.subarray(0, count));
      return count;
    }
    let selected = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      if ((row < 0 ? 0 : this.#places[row >>> pageShift]) !== reach) continue;
      positions[selected] = i;
      target[selected++] = row;
    }
    return selected;
  }

  /** Writes the address into the list of its arena; returns which reach that is. */
  #list(arena: Arena, index: number): number {
    let place = this.#reaches.findIndex((reach) => reach.arena === arena);
    if (place < 0 || this.#reaches[place]!.block.bytes < 4 * (index + 1)) {
      const block = this.#memory.allocateIn(arena, 4 * Math.max(listPagesMin, 2 * (index + 1)));
      if (!block) return nowhere;
      if (place < 0) place = this.#reaches.length;
      else this.#copyList(this.#reaches[place]!.block, block);
      this.#reaches[place] = { arena, list: block.address, block };
    }
    const { list } = this.#reaches[place]!;
    const address = this.#pages[index]!.offset + this.#offsets[index]!;
    new Uint32Array(arena.buffer, list, index + 1)[index] = address;
    return place;
  }

  #copyList(from: Block, to: Block): void {
    const { buffer } = from.arena;
    new Uint8Array(buffer, to.address).set(new Uint8Array(buffer, from.address, from.bytes));
    this.#memory.releaseBlock(from);
  }
}

const nowhere = 255;

/** Where in their block the rows are that `select` chose. Shared by all tables: no batch yields to another. */
export const positions = new Int32Array(kernelKeysMax);

function doubled(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length);
  larger.set(bytes);
  return larger;
}
