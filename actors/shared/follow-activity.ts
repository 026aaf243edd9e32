import type { ActivityTarget } from '../../replication/activity-fold.js';
import { ActivityFold } from '../../replication/activity-fold.js';
import { Follower } from '../../runtime/followers/follower.js';
import { placeInStream } from '../../runtime/followers/log-sequence.js';
import { aroundOf, type FollowingContext } from './follow-features.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';

/**
 * A follower of the copy of ACTIVITY in the own data center.
 *
 * @param untilSequence of ACTIVITY itself, where it is at home: what is behind it is left out.
 */
export function followActivity(
  context: FollowingContext,
  target: ActivityTarget,
  untilSequence?: number,
): Follower<ActivityFold> {
  const { bus, config, identity, log } = context;
  const { stream: streams } = bus.names;
  const { isTraining, others } = aroundOf(context);
  const stream = isTraining ? streams.activity : streams.activityAt(identity.dataCenter);
  const placeOf = (sequence: number) => placeInStream(bus, stream, sequence);
  const until = untilSequence === undefined ? {} : { untilSequence };
  return new Follower({
    context,
    fold: new ActivityFold({ target, placeOf, sources: 1 + others.length, log, ...until }),
    stream,
    ...until,
    store: openFeatureSnapshots(bus, config, identity.dataCenter),
    elsewhere: others.map(({ name }) => openFeatureSnapshots(bus, config, name)),
    onError: context.crash,
  });
}
