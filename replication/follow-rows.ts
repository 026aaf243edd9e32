import type { RowsDelta } from '../messages/deltas.js';
import { parseRows } from '../messages/deltas.js';
import { streamName } from '../messages/streams.js';
import { subject } from '../messages/subjects.js';
import type { ActorContext } from '../runtime/actor.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';
import { PartitionFollower } from './partition-follower.js';
import type { TrainedPartition, TrainedShape } from './trained-partition.js';

export interface FollowRowsOptions {
  readonly context: Pick<ActorContext, 'bus' | 'log'>;
  readonly store: SnapshotStore;
  readonly shape: TrainedShape;
  readonly onError: (error: unknown) => void;
  readonly untilSequence?: number;
}

/** A follower of whole rows: of the log that an owner writes. */
export function followRows(
  target: TrainedPartition,
  { shape, ...options }: FollowRowsOptions,
): PartitionFollower<RowsDelta> {
  const { tables, hash } = shape;
  return new PartitionFollower({
    ...options,
    partition: target.number,
    stream: streamName.deltas,
    subject: subject.deltaRows(target.number),
    parse: (value) => parseRows(value, tables),
    specHash: hash,
    target,
  });
}
