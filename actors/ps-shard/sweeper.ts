import { every, type Cancel, type Clock } from '../../core/base/clock.js';
import type { TrainedPartition } from '../../replication/trained-partition.js';
import type { PartitionPublisher } from './partition-publisher.js';

/**
 * Looks for expired rows, a few at a time between requests, by the newest event time that a partition has seen. A pass
 * over 10 M rows takes some ten minutes, which is little beside the days after which rows expire.
 */

/** Between two looks. */
const everyMs = 250;
/** Rows of one look, over all partitions: below a millisecond. Too few: a pass takes long. Too many: requests wait. */
const rowsPerLook = 4_096;

export interface SweptPartition {
  readonly partition: TrainedPartition;
  owned(): Pick<PartitionPublisher, 'changed' | 'durable'>;
}

export class Sweeper {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #accepting: () => readonly SweptPartition[];
  #end: Cancel | undefined;
  #next = 0;

  /**
   * @param accepting the partitions that take pushes now. Copies are swept where they are owned; of one whose rows are
   *   being exchanged nothing else may change them.
   */
  constructor(clock: Pick<Clock, 'after'>, accepting: () => readonly SweptPartition[]) {
    this.#clock = clock;
    this.#accepting = accepting;
  }

  start(): void {
    this.#end = every(this.#clock, everyMs, () => this.look());
  }

  stop(): void {
    this.#end?.();
  }

  look(): void {
    const accepting = this.#accepting();
    const found = accepting[this.#next++ % Math.max(1, accepting.length)];
    if (!found) return;
    const { partition } = found;
    if (partition.rows.sweep(partition.atSeconds, rowsPerLook) === 0) return;
    const publisher = found.owned();
    publisher.changed();
    publisher.durable().catch(() => undefined); // A partition that was lost is told of elsewhere.
  }
}
