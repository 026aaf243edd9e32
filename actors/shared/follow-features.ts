import { answersRequests, trainingDataCenter } from '../../core/config/data-centers.js';
import type { Entity } from '../../messages/subjects.js';
import type { EntityTarget } from '../../replication/entity-fold.js';
import { EntityFold } from '../../replication/entity-fold.js';
import type { ActorContext } from '../../runtime/actor.js';
import { Follower } from '../../runtime/followers/follower.js';
import { placeInStream } from '../../runtime/followers/log-sequence.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';

/** Whoever follows, and where: an actor, or somebody who looks at a cluster from outside. */
export interface FollowingContext extends Pick<ActorContext, 'bus' | 'config' | 'crash'> {
  readonly log: Pick<ActorContext['log'], 'error'>;
  readonly identity: Pick<ActorContext['identity'], 'dataCenter'>;
}

/** Where logs are at home there are no copies of them; and the other data centers that take snapshots of users and items. */
export function aroundOf({ config, identity }: Pick<FollowingContext, 'config' | 'identity'>) {
  return {
    isTraining: trainingDataCenter(config) === identity.dataCenter,
    others: config.dataCenters.filter(
      (each) => answersRequests(each) && each.name !== identity.dataCenter,
    ),
  };
}

/**
 * A follower of the copy of FEATURES in the own data center. It begins with a snapshot of it, and with that of another data
 * center where this one has none that helps: rows and places in the log are the same everywhere.
 */
export function followFeatures(
  context: FollowingContext,
  target: EntityTarget,
  entities: readonly Entity[],
): Follower<EntityFold> {
  const { bus, config, identity, log } = context;
  const { stream: streams } = bus.names;
  const { isTraining, others } = aroundOf(context);
  const stream = isTraining ? streams.features : streams.featuresAt(identity.dataCenter);
  const placeOf = (sequence: number) => placeInStream(bus, stream, sequence);
  return new Follower({
    context,
    fold: new EntityFold({ target, entities, placeOf, log }),
    stream,
    store: openFeatureSnapshots(bus, config, identity.dataCenter),
    elsewhere: others.map(({ name }) => openFeatureSnapshots(bus, config, name)),
    onError: context.crash,
  });
}
