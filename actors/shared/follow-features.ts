import type { Entity } from '../../messages/subjects.js';
import type { EntityTarget } from '../../replication/entity-fold.js';
import { EntityFold } from '../../replication/entity-fold.js';
import type { ActorContext } from '../../runtime/actor.js';
import { Follower } from '../../runtime/followers/follower.js';
import { placeInStream } from '../../runtime/followers/log-sequence.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';

/**
 * A follower of the copy of FEATURES in the own data center. It begins with a snapshot of it, and with that of another data
 * center where this one has none that helps: rows and places in the log are the same everywhere.
 */
export function followFeatures(
  context: Pick<ActorContext, 'bus' | 'config' | 'identity' | 'log' | 'crash'>,
  target: EntityTarget,
  entities: readonly Entity[],
): Follower<EntityFold> {
  const { bus, config, identity, log } = context;
  const stream = bus.names.stream.featuresAt(identity.dataCenter);
  const placeOf = (sequence: number) => placeInStream(bus, stream, sequence);
  const others = config.dataCenters.filter(
    ({ name, role }) => role === 'inference' && name !== identity.dataCenter,
  );
  return new Follower({
    context,
    fold: new EntityFold({ target, entities, placeOf, log }),
    stream,
    store: openFeatureSnapshots(bus, config, identity.dataCenter),
    elsewhere: others.map(({ name }) => openFeatureSnapshots(bus, config, name)),
    onError: context.crash,
  });
}
