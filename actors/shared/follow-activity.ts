import { StarlingError } from '../../core/base/errors.js';
import type { ActivityTarget } from '../../replication/activity-fold.js';
import { ActivityFold } from '../../replication/activity-fold.js';
import { Follower, type FollowedSnapshots } from '../../runtime/followers/follower.js';
import { placeInStream } from '../../runtime/followers/log-sequence.js';
import { aroundOf, type FollowingContext } from './follow-features.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';

/**
 * A follower of the copy of ACTIVITY in the own data center.
 *
 * @param untilSequence of ACTIVITY itself, where it is at home: what is behind it is left out.
 * @param logAlone takes no snapshot, as those do not say when it was.
 */
export function followActivity(
  context: FollowingContext,
  target: ActivityTarget,
  untilSequence?: number,
  logAlone = false,
): Follower<ActivityFold> {
  const { bus, config, identity, log } = context;
  const { stream: streams } = bus.names;
  const { isTraining, others } = aroundOf(context);
  const stream = isTraining ? streams.activity : streams.activityAt(identity.dataCenter);
  const placeOf = (sequence: number) => placeInStream(bus, stream, sequence);
  const until = untilSequence === undefined ? {} : { untilSequence };
  const sources = logAlone ? [] : [identity.dataCenter, ...others.map(({ name }) => name)];
  const [own = noSnapshots, ...elsewhere] = sources.map((name) =>
    openFeatureSnapshots(bus, config, name),
  );
  return new Follower({
    context,
    fold: new ActivityFold({ target, placeOf, sources: 1 + elsewhere.length, log, ...until }),
    stream,
    ...until,
    store: own,
    elsewhere,
    onError: context.crash,
  });
}

const noSnapshots: FollowedSnapshots = {
  list: () => Promise.resolve([]),
  getManifest: () => Promise.resolve(undefined),
  get: (snapshot) => {
    throw new StarlingError('INTERNAL', `there is no snapshot ${snapshot}.`);
  },
};
