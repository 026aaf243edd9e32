import { IntervalSet } from '../../core/base/interval-set.js';
import type { EmbeddingPartition } from '../../core/embedding/partition.js';
import type { PushRequest } from '../../messages/parameters.js';
import { trailWidth } from '../../messages/parameters.js';

/** How the batches of a push stand to what a partition has applied already. */
export type Standing = 'none' | 'all' | 'some';

/**
 * A partition and its ledger: which sample batches are in its rows. A redelivered batch is applied only where it is
 * not yet in, so every batch counts once in every partition, whatever was killed in between.
 */
export class OwnedPartition {
  readonly rows: EmbeddingPartition;
  readonly number: number;
  applied = new IntervalSet();
  deltaNumber = 0;
  /** Impressions settled by the applied batches; kept by partition 0 alone, since every batch visits it once. */
  resolved = 0;
  /** Newest event time in the rows, seconds. */
  atSeconds = 0;
  trail: number[] = [];
  dirty = false;

  constructor(number: number, rows: EmbeddingPartition) {
    this.number = number;
    this.rows = rows;
  }

  standing(batches: Float64Array): Standing {
    let known = 0;
    for (const batch of batches) if (this.applied.has(batch)) known++;
    return known === 0 ? 'none' : known === batches.length ? 'all' : 'some';
  }

  enter(push: PushRequest): void {
    for (const batch of push.batches) this.applied.add(batch);
    this.dirty = true;
    this.atSeconds = Math.max(this.atSeconds, push.atSeconds);
    if (this.number !== 0) return;
    for (let at = 0; at < push.trail.length; at += trailWidth) this.resolved += push.trail[at + 1]!;
    this.trail.push(...push.trail);
  }

  takeTrail(): Float64Array {
    const trail = Float64Array.from(this.trail);
    this.trail = [];
    return trail;
  }
}
