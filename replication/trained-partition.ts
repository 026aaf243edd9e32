import { assert } from '../core/base/assert.js';
import { IntervalSet } from '../core/base/interval-set.js';
import type { TableSpec } from '../core/embedding/embedding-table.js';
import type { PartitionCapacity } from '../core/embedding/partition.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { partitionTarget } from '../core/embedding/snapshot/partition-snapshot.js';
import type { SnapshotTarget } from '../core/embedding/snapshot/rows.js';
import type { ModelIdentity } from '../core/base/model-identity.js';
import type { RowsDelta } from '../messages/deltas.js';
import type { KnownRows } from '../messages/earlier-deltas.js';
import type { PushRequest } from '../messages/parameters.js';
import type { SnapshotMark } from '../messages/snapshots.js';
import { TrailReader, TrailWriter, keepsBooks } from '../messages/trail.js';
import type { Trail } from '../messages/trail.js';
import type { FollowerTarget } from './partition-fold.js';

/** What the tables of a partition are; actors derive it from the configuration. */
export interface TrainedShape {
  readonly tables: readonly TableSpec[];
  readonly capacity: PartitionCapacity | undefined;
  readonly slotCount: number;
  readonly dim: number;
  readonly hash: string;
  /** What is known of blueprints of before; left out: there were none. */
  readonly earlier?: KnownRows['earlier'] | undefined;
  readonly partitionCount: number;
  /** The model that they are of; left out: `main`. */
  readonly of?: ModelIdentity | undefined;
}

/** How the batches of a push stand to what a partition has applied already. */
export type Standing = 'none' | 'all' | 'some';

/**
 * A partition of the training tables and its ledger: which sample batches are in its rows. A redelivered batch is
 * applied only where it is not yet in, so every batch counts once in every partition, whatever was killed in between.
 * It is filled by pushes where it is owned, by the log where it is followed.
 */
export class TrainedPartition implements FollowerTarget<RowsDelta> {
  readonly number: number;
  readonly #shape: TrainedShape;
  rows: EmbeddingPartition;
  applied: IntervalSet;
  /** Impressions settled by the applied batches; kept where the books are kept, since every batch visits each partition once. */
  resolved = 0;
  /** Newest event time in the rows, seconds. */
  atSeconds = 0;
  readonly #trail = new TrailWriter();
  #appliedAtMs = 0;

  constructor(number: number, shape: TrainedShape) {
    this.number = number;
    this.#shape = shape;
    this.rows = this.#emptyRows();
    this.applied = this.#noneApplied();
  }

  standing(batches: Float64Array): Standing {
    let known = 0;
    for (const batch of batches) if (this.applied.has(batch)) known++;
    return known === 0 ? 'none' : known === batches.length ? 'all' : 'some';
  }

  /**
   * Books a push whose gradients are in the rows.
   * @param nowMs since 1970
   */
  enter(push: Pick<PushRequest, 'batches' | 'atSeconds' | 'trail'>, nowMs: number): void {
    // That it came twice would be seen in nothing else.
    for (const batch of push.batches)
      assert(this.applied.add(batch), `batch ${batch} comes into the rows once`);
    this.atSeconds = Math.max(this.atSeconds, push.atSeconds);
    if (this.#appliedAtMs === 0) this.#appliedAtMs = nowMs;
    if (!keepsBooks(this.number) || !push.trail) return;
    this.resolved += new TrailReader(push.trail).resolved;
    this.#trail.append(push.trail);
  }

  /** What the next delta tells of the pushes in it. */
  takeNews(): { readonly trail: Trail | undefined; readonly appliedAtMs: number } {
    const news = { trail: this.#trail.take(), appliedAtMs: this.#appliedAtMs };
    this.#appliedAtMs = 0;
    return news;
  }

  reset(): void {
    this.rows = this.#emptyRows();
    this.applied = this.#noneApplied();
    this.resolved = 0;
    this.atSeconds = 0;
  }

  snapshotTarget(): SnapshotTarget {
    const { tables, partitionCount } = this.#shape;
    return partitionTarget([this.rows], tables, partitionCount);
  }

  restored(mark: SnapshotMark): void {
    this.applied = IntervalSet.decode(mark.applied);
    this.resolved = mark.resolved;
    this.atSeconds = mark.atSeconds;
  }

  apply(parts: readonly RowsDelta[]): void {
    for (const delta of parts) {
      this.rows.forget(delta.evictedCounts, delta.evicted);
      this.rows.assign(delta);
    }
    const { applied, resolved, atSeconds } = parts.at(-1)!;
    this.applied = IntervalSet.decode(applied);
    this.resolved = resolved;
    this.atSeconds = atSeconds;
  }

  /** What is before the cut of a model it is never taught. */
  #noneApplied(): IntervalSet {
    return new IntervalSet((this.#shape.of?.cut ?? 0) + 1);
  }

  #emptyRows(): EmbeddingPartition {
    return new EmbeddingPartition(this.number, this.#shape.tables, this.#shape.capacity);
  }
}
