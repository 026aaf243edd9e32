import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { WeightsDelta } from '../../messages/deltas.js';
import { parseWeights } from '../../messages/deltas.js';
import { PartitionFollower } from '../../replication/partition-follower.js';
import type { ActorContext } from '../../runtime/actor.js';
import { SharedTail } from '../../runtime/followers/shared-tail.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import type { ServedPartition, ServedShape } from './served-partition.js';

/** Followers of the copy of DELTAS in the data center, one to a partition, that have begun nothing yet. */
export function followServed(
  context: ActorContext,
  partitions: ReadonlyMap<number, ServedPartition>,
  shape: ServedShape,
): PartitionFollower<WeightsDelta>[] {
  const { servingTables, hash, earlier, partitionCount, of } = shape;
  const { bus, config, identity, crash: onError } = context;
  const stream = bus.names.stream.deltasAt(identity.dataCenter);
  const { size: members } = partitions;
  // A replica of a part of the partitions must not be sent all of the log.
  const isWhole = members === partitionCount;
  // Where it is DELTAS itself there is more in it than weights.
  const filter = bus.names.pattern('deltaWeights', { model: of.name });
  const shared = isWhole ? new SharedTail(bus, { stream, filter, members, onError }) : undefined;
  const training = trainingDataCenter(config);
  return [...partitions].map(
    ([partition, target]) =>
      new PartitionFollower({
        context,
        partition,
        stream,
        subject: bus.names.subject.deltaWeights(of.name, partition),
        parse: (value) => parseWeights(value, servingTables, shape, of.name),
        ...{ specHash: hash, earlier, model: of.name },
        target,
        store: openSnapshots(bus, config, identity.dataCenter),
        // A data center that was away for longer than its log reaches back begins from what training has.
        ...(training === identity.dataCenter
          ? {}
          : { elsewhere: openSnapshots(bus, config, training) }),
        ...(shared ? { shared } : {}),
        loadPolicy: { optimizerChange: 'reset-state' },
        onError,
      }),
  );
}
