import { arenas, type ArenaPool, type PageUse } from './kernels/arena-pool.js';
import type { Arena, Block } from './kernels/arena.js';

/**
 * Where the pages of a table come from. Large ones are views of an arena, where the WebAssembly kernels can reach them;
 * a young table has one small page of ordinary memory.
 */
/** Smaller pages are ordinary memory: a cluster has thousands of small tables, and no kernel pays off for them. */
const arenaBytesMin = 64 * 1024;

/** Zeroed memory; views of it begin at `offset`. */
export interface Page {
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
  readonly block?: Block;
}

interface Holding {
  readonly pool: ArenaPool;
  readonly use: PageUse;
  readonly blocks: Set<Block>;
}

/** Gives the blocks of a table that was collected back to their arenas. */
const collected = new FinalizationRegistry<Holding>(({ pool, use, blocks }) => {
  for (const block of blocks) pool.release(block, use);
});

export class PageMemory {
  readonly #holding: Holding;
  /** Of an index, all of whose pages are in it or none is of use. Chosen with the first page that is large. */
  #home: Arena | undefined;

  constructor(use: PageUse) {
    this.#holding = { pool: arenas(), use, blocks: new Set() };
    collected.register(this, this.#holding);
  }

  allocate(bytes: number): Page {
    const block = bytes < arenaBytesMin ? undefined : this.#allocateBlock(bytes);
    if (!block) return { buffer: new ArrayBuffer(bytes), offset: 0 };
    return { buffer: block.arena.buffer, offset: block.address, block };
  }

  /** A page that nothing reads any more. */
  release({ block }: Page): void {
    if (block) this.releaseBlock(block);
  }

  releaseBlock(block: Block): void {
    this.#holding.blocks.delete(block);
    this.#holding.pool.release(block, this.#holding.use);
  }

  /** In the very arena that is named; undefined where it is full. */
  allocateIn(arena: Arena, bytes: number): Block | undefined {
    const { pool, use, blocks } = this.#holding;
    const block = pool.allocateIn(arena, bytes, use);
    if (block) blocks.add(block);
    return block;
  }

  #allocateBlock(bytes: number): Block | undefined {
    const { pool, use, blocks } = this.#holding;
    if (use === 'index') {
      this.#home ??= pool.home();
      return this.#home && this.allocateIn(this.#home, bytes);
    }
    const block = pool.allocateRows(bytes);
    if (block) blocks.add(block);
    return block;
  }
}
