import { assert } from '../../base/assert.js';
import { Arena, arenaBytesMax, type Block } from './arena.js';

/**
 * The arenas of a process. One reaches 4 GiB; when its share for rows is used, rows go to the next. An index stays in one
 * arena, as a key may lead to any of its pages, and grows into what rows leave there; rows of one table may be in several,
 * and each kernel then works on those that its memory holds. What no arena holds is ordinary memory: the tables
 * concerned are worked on by TypeScript, with the same results.
 */
export interface ArenaLimits {
  readonly bytesMax?: number;
  readonly arenasMax?: number;
}

/**
 * Of an arena, for rows. Too high: an index has no room to grow, and its keys are found by TypeScript. Too low: more
 * arenas, whose rows are gathered arena by arena. With a half, the index of a full arena has room for 130 M keys.
 */
const rowShare = 1 / 2;

/** 256 GiB; an engine reserves address space for each memory, about 8 GiB. */
const arenasMaxDefault = 64;

export type PageUse = 'index' | 'rows';

interface Place {
  readonly arena: Arena;
  rowBytes: number;
}

export class ArenaPool {
  readonly #arenas: Place[] = [];
  readonly #limits: Required<ArenaLimits>;
  #refused = false;

  constructor({ bytesMax = arenaBytesMax, arenasMax = arenasMaxDefault }: ArenaLimits = {}) {
    this.#limits = { bytesMax, arenasMax };
  }

  /** Where the index of a new table goes: the arena that rows go to now. Undefined where there is none to be had. */
  home(): Arena | undefined {
    return this.#arenas.at(-1)?.arena ?? this.#open()?.arena;
  }

  allocateRows(bytes: number): Block | undefined {
    const share = rowShare * this.#limits.bytesMax;
    // The first that has room: what was given back is used before more is asked for.
    for (const place of this.#arenas) {
      if (place.rowBytes + bytes > share) continue;
      const block = place.arena.allocate(bytes);
      if (!block) continue;
      place.rowBytes += block.bytes;
      return block;
    }
    if (bytes > share) return undefined;
    const opened = this.#open();
    const block = opened?.arena.allocate(bytes);
    if (block) opened!.rowBytes += block.bytes;
    return block;
  }

  /** In the very arena that is named, whatever its share for rows; undefined where it is full. */
  allocateIn(arena: Arena, bytes: number, use: PageUse): Block | undefined {
    const block = arena.allocate(bytes);
    if (block && use === 'rows') this.#placeOf(arena).rowBytes += block.bytes;
    return block;
  }

  release(block: Block, use: PageUse): void {
    block.arena.release(block);
    if (use === 'rows') this.#placeOf(block.arena).rowBytes -= block.bytes;
  }

  #placeOf(arena: Arena): Place {
    const place = this.#arenas.find((each) => each.arena === arena);
    assert(place !== undefined, 'a block is of an arena of its pool');
    return place;
  }

  #open(): Place | undefined {
    const { bytesMax, arenasMax } = this.#limits;
    if (this.#refused || this.#arenas.length === arenasMax) return undefined;
    try {
      const place = { arena: new Arena(bytesMax), rowBytes: 0 };
      this.#arenas.push(place);
      return place;
    } catch {
      this.#refused = true; // Everything works without it, at half the speed.
      return undefined;
    }
  }
}

let current = new ArenaPool();

/** Of this process. */
export function arenas(): ArenaPool {
  return current;
}

/** For tests and benchmarks: tables made by `work` have their pages in arenas of their own. */
export function withArenas<T>(limits: ArenaLimits, work: () => T): T {
  const before = current;
  current = new ArenaPool(limits);
  try {
    return work();
  } finally {
    current = before;
  }
}

/** For tests and benchmarks of the TypeScript path: tables made by `work` do without. */
export function withoutArena<T>(work: () => T): T {
  return withArenas({ arenasMax: 0 }, work);
}
