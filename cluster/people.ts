import { StarlingError } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { People } from '../messages/people.js';
import { decodePeople, encodePeople, peopleKey } from '../messages/people.js';
import type { Bus } from '../runtime/bus/bus.js';
import { retried } from '../runtime/retry-read.js';

export interface Admission {
  readonly people: People;
  /**
   * Where events came in before anybody had said whose they are: the audience may take them for its own. So it is with the
   * default configuration, in the state of an earlier release.
   */
  readonly takesUnknown?: boolean;
}

type PeopleBus = Pick<
  Bus,
  'names' | 'clock' | 'random' | 'bucketGet' | 'bucketPut' | 'streamState'
>;

/**
 * What people of one's own did and what the simulated audience did is never learned together: `u1` and `i1` of the audience
 * would be recommended in the shop, and tastes that nobody has would be its popularity. Whose a cluster is stands in its
 * bucket, so that it holds for every host and for an audience that comes from elsewhere. As long as nothing has come in,
 * it is nobody's, whoever was named first.
 *
 * @throws StarlingError AUDIENCE_MIXED
 */
export async function admitPeople(
  { people, takesUnknown = false }: Admission,
  bus: PeopleBus,
  config: Pick<ClusterConfig, 'dataCenters'>,
): Promise<void> {
  const { bucket } = bus.names;
  const kept = await retried(bus, () => bus.bucketGet(bucket, peopleKey));
  const before = kept && decodePeople(kept);
  if (before === people) return;
  const isStranger = before !== undefined || (people === 'audience' && !takesUnknown);
  if (isStranger && (await hasEvents(bus, config))) throw mixed(people);
  await retried(bus, () => bus.bucketPut(bucket, peopleKey, encodePeople(people)));
}

/** Whatever was told came through one of these, and sequences do not go back when a stream is trimmed. */
async function hasEvents(
  bus: PeopleBus,
  { dataCenters }: Pick<ClusterConfig, 'dataCenters'>,
): Promise<boolean> {
  const { stream } = bus.names;
  for (const name of [stream.features, ...dataCenters.map((each) => stream.raw(each.name))]) {
    const { lastSequence } = await retried(bus, () => bus.streamState(name));
    if (lastSequence > 0) return true;
  }
  return false;
}

function mixed(people: People): StarlingError {
  const text =
    people === 'audience'
      ? 'the cluster has items, users or events of its own; those of the simulated audience would be recommended and learned beside them'
      : 'the simulated audience has lived in this cluster; its items, and what it clicked, would be recommended and learned beside those of your users';
  return new StarlingError('AUDIENCE_MIXED', text, { people });
}
