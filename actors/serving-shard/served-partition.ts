import { IntervalSet } from '../../core/base/interval-set.js';
import { ServingPartition } from '../../core/embedding/serving/serving-partition.js';
import type { ServingTableSpec } from '../../core/embedding/serving/serving-table.js';
import { servingTarget } from '../../core/embedding/serving/serving-snapshot.js';
import type { SnapshotTarget } from '../../core/embedding/snapshot/rows.js';
import type { KnownRows } from '../../messages/earlier-deltas.js';
import type { ModelIdentity } from '../../core/base/model-identity.js';
import type { WeightsDelta } from '../../messages/deltas.js';
import type { SnapshotMark } from '../../messages/snapshots.js';
import type { Trail } from '../../messages/trail.js';
import type { FollowerTarget } from '../../replication/partition-fold.js';
import type { RowChanges } from './row-changes.js';

export interface ServedShape {
  readonly servingTables: readonly ServingTableSpec[];
  readonly partitionCount: number;
  /** The model that the rows are of. */
  readonly of: ModelIdentity;
  readonly hash: string;
  /** What is known of blueprints of before; left out: there were none. */
  readonly earlier?: KnownRows['earlier'] | undefined;
}

/** What a delta tells beside its rows. */
export interface DeltaNews {
  readonly watermark: number;
  readonly trail: Trail | undefined;
  readonly appliedAtMs: number;
  /** Of a snapshot: all that was settled before, which no trail tells any more. */
  readonly resolved?: number;
}

/** One partition as it is served: weights only, and how far they know the sample stream. */
export class ServedPartition implements FollowerTarget<WeightsDelta> {
  readonly number: number;
  readonly #shape: ServedShape;
  readonly #onDelta: (news: DeltaNews) => void;
  readonly #changes: Pick<RowChanges, 'note' | 'noteAll'>;
  rows: ServingPartition;
  /** Of the newest delta in the rows; what a snapshot that begins now goes on from. */
  mark: SnapshotMark;

  constructor(
    number: number,
    shape: ServedShape,
    onDelta: (news: DeltaNews) => void,
    changes: Pick<RowChanges, 'note' | 'noteAll'>,
  ) {
    this.#changes = changes;
    this.number = number;
    this.#shape = shape;
    this.#onDelta = onDelta;
    this.rows = new ServingPartition(number, shape.servingTables);
    this.mark = this.#markOfNothing();
  }

  reset(): void {
    this.rows = new ServingPartition(this.number, this.#shape.servingTables);
    this.mark = this.#markOfNothing();
    this.#changes.noteAll();
    this.#onDelta({ watermark: 0, trail: undefined, appliedAtMs: 0, resolved: 0 });
  }

  snapshotTarget(): SnapshotTarget {
    const { servingTables, partitionCount } = this.#shape;
    return servingTarget([this.rows], servingTables, partitionCount);
  }

  restored(mark: SnapshotMark): void {
    this.mark = mark;
    this.#changes.noteAll();
    const { watermark } = IntervalSet.decode(mark.applied);
    const { resolved } = mark;
    this.#onDelta({ watermark, trail: undefined, appliedAtMs: 0, resolved });
  }

  apply(parts: readonly WeightsDelta[], sequence: number): void {
    for (const { evictedCounts, evicted, counts, fids, weights } of parts) {
      this.rows.remove(evictedCounts, 0, evicted, 0);
      this.rows.assign(counts, 0, fids, 0, weights, 0);
      this.#changes.note(evicted);
      this.#changes.note(fids);
    }
    const { epoch, deltaNumber, applied, resolved, trail, appliedAtMs } = parts.at(-1)!;
    this.mark = { ...this.mark, epoch, deltaNumber, sequence, applied, resolved };
    const { watermark } = IntervalSet.decode(applied);
    this.#onDelta({ watermark, trail, appliedAtMs });
  }

  #markOfNothing(): SnapshotMark {
    return {
      specHash: this.#shape.hash,
      partition: this.number,
      epoch: 0,
      deltaNumber: 0,
      sequence: 0,
      applied: new IntervalSet().encode(),
      resolved: 0,
      atSeconds: 0,
    };
  }
}
