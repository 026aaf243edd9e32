import { arena, type Arena, type Block } from './kernels/arena.js';

/**
 * Where the pages of a table come from. Large ones are views of the arena, where the WebAssembly kernels can reach them;
 * a young table has one small page of ordinary memory.
 */
/** Smaller pages are ordinary memory: a cluster has thousands of small tables, and no kernel pays off for them. */
const arenaBytesMin = 64 * 1024;

/** Gives the blocks of a table that was collected back to the arena. */
const collected = new FinalizationRegistry<{ arena: Arena; blocks: Map<unknown, Block> }>(
  ({ arena, blocks }) => {
    for (const block of blocks.values()) arena.release(block);
  },
);

export class PageMemory {
  readonly arena: Arena | undefined = arena();
  /** By view; of a directory, by its name. */
  readonly #blocks = new Map<unknown, Block>();

  constructor() {
    if (this.arena) collected.register(this, { arena: this.arena, blocks: this.#blocks });
  }

  words(count: number): Int32Array {
    const { buffer, offset, block } = this.#buffer(4 * count);
    const page = new Int32Array(buffer, offset, count);
    if (block) this.#blocks.set(page, block);
    return page;
  }

  floats(count: number): Float32Array {
    const { buffer, offset, block } = this.#buffer(4 * count);
    const page = new Float32Array(buffer, offset, count);
    if (block) this.#blocks.set(page, block);
    return page;
  }

  /** A page that nothing reads any more. */
  release(page: ArrayBufferView): void {
    const block = this.#blocks.get(page);
    if (!block) return;
    this.#blocks.delete(page);
    this.arena!.release(block);
  }

  /** Address of a list of the pages' addresses, for the kernels; 0 when one of them is not in the arena. */
  directory(pages: readonly ArrayBufferView[], name: string): number {
    const { arena } = this;
    const blocks = this.#blocks;
    if (!arena || pages.length === 0 || !pages.every((page) => blocks.has(page))) return 0;
    let list = blocks.get(name);
    if (!list || list.bytes < 4 * pages.length) {
      if (list) arena.release(list);
      list = arena.allocate(4 * Math.max(16, 2 * pages.length));
      if (!list) {
        blocks.delete(name);
        return 0;
      }
      blocks.set(name, list);
    }
    const addresses = new Uint32Array(arena.buffer, list.address, pages.length);
    for (const [i, page] of pages.entries()) addresses[i] = page.byteOffset;
    return list.address;
  }

  #buffer(bytes: number): { buffer: ArrayBufferLike; offset: number; block?: Block } {
    if (bytes >= arenaBytesMin) {
      const block = this.arena?.allocate(bytes);
      if (block) return { buffer: this.arena!.buffer, offset: block.address, block };
    }
    return { buffer: new ArrayBuffer(bytes), offset: 0 };
  }
}
