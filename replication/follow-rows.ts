import type { RowsDelta } from '../messages/deltas.js';
import { parseRows } from '../messages/deltas.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { FollowedSnapshots, FollowerContext } from '../runtime/followers/follower.js';
import { PartitionFollower } from './partition-follower.js';
import type { TrainedPartition, TrainedShape } from './trained-partition.js';
import { mainIdentity } from '../core/base/model-identity.js';

export interface FollowRowsContext extends FollowerContext {
  readonly bus: FollowerContext['bus'] & Pick<Bus, 'names'>;
}

export interface FollowRowsOptions {
  readonly context: FollowRowsContext;
  readonly store: FollowedSnapshots;
  readonly shape: TrainedShape;
  readonly onError: (error: unknown) => void;
  readonly untilSequence?: number;
}

/** A follower of whole rows: of the log that an owner writes. */
export function followRows(
  target: TrainedPartition,
  { shape, ...options }: FollowRowsOptions,
): PartitionFollower<RowsDelta> {
  const { tables, hash, earlier, of = mainIdentity } = shape;
  const { stream, subject } = options.context.bus.names;
  return new PartitionFollower({
    ...options,
    partition: target.number,
    stream: stream.deltas,
    subject: subject.deltaRows(of.name, target.number),
    parse: (value) => parseRows(value, tables, shape, of.name),
    ...{ specHash: hash, earlier, model: of.name },
    target,
  });
}
