import type { HeldPartition } from './held-partition.js';

/**
 * Looks for expired rows, a few at a time between requests, by the newest event time that a partition has seen. A pass
 * over 10 M rows takes some ten minutes, which is little beside the days after which rows expire.
 */

/** Between two looks. */
const everyMs = 250;
/** Rows of one look, over all partitions: below a millisecond. Too few: a pass takes long. Too many: requests wait. */
const rowsPerLook = 4_096;

export class Sweeper {
  readonly #owned: () => readonly HeldPartition[];
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  /** @param owned the partitions that are owned now; the others are swept where they are. */
  constructor(owned: () => readonly HeldPartition[]) {
    this.#owned = owned;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const owned = this.#owned();
    const found = owned[this.#next++ % Math.max(1, owned.length)];
    if (!found) return;
    const { partition } = found;
    if (partition.rows.sweep(partition.atSeconds, rowsPerLook) === 0) return;
    const publisher = found.owned();
    publisher.changed();
    publisher.durable().catch(() => undefined); // A partition that was lost is told of elsewhere.
  }
}
