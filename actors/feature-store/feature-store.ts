import { isFeatureOf } from '../../core/features/attributes.js';
import { featuresReply, parseFeaturesRequest } from '../../messages/features.js';
import { entities } from '../../messages/subjects.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { toldOf } from '../../runtime/long-work.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { followFeatures } from '../shared/follow-features.js';
import { answersAt } from '../shared/guest-replicas.js';
import { aboutPerson } from './about-person.js';
import { answerFrom } from './feature-answers.js';
import { GroupedTarget } from './grouped-target.js';
import { openActivity } from './open-activity.js';
import { ThinItems } from './thin-items.js';
import { writeSnapshot } from './write-snapshot.js';

/** A snapshot of many users and items takes minutes. */
const commandMsMax = 30 * 60_000;

/**
 * User and item features by id: a follower of its data center's copies of FEATURES and ACTIVITY that keeps its places on disk,
 * and answers batches, of what is told and of what is kept of what people do. One of a data center writes a snapshot when the leader asks for it.
 */
export function createFeatureStore(context: ActorContext): Actor<'feature-store'> {
  const { bus, clock, config, crash, identity, log } = context;
  const store = context.stores.entityStore(isFeatureOf(config.features));
  const thin = new ThinItems(store);
  const target = new GroupedTarget({ target: thin.before(store), clock, log, onError: crash });
  const follower = followFeatures(context, target, entities);
  const activity = openActivity(context, store);
  const endpoints: ServedEndpoint[] = [];

  return {
    async start() {
      await Promise.all([follower.start(), activity.follower.start()]);
      await target.written();
      activity.start();
      const queue = 'feature-store';
      endpoints.push(
        new ServedEndpoint(bus, {
          subject: bus.names.subject.featuresGet,
          alsoAt: bus.names.subject.featuresGetAt(identity.dataCenter),
          answersAt: answersAt(context),
          queue,
          inFlightMax: 512,
          byTime: true,
          deadlineMs: 2_000,
          handle: async (value) => {
            const isWhole = follower.isWhole && activity.follower.isWhole;
            const request = parseFeaturesRequest(value);
            return featuresReply(answerFrom(store, activity, isWhole, request));
          },
        }),
        new ServedEndpoint(bus, {
          subject: bus.names.subject.featureControl('snapshot', identity.dataCenter),
          ...{ queue, inFlightMax: 1, deadlineMs: commandMsMax },
          handle: toldOf(bus, (value) => writeSnapshot(context, store, activity, value)),
        }),
        new ServedEndpoint(bus, {
          subject: bus.names.subject.featureControl('person', identity.dataCenter),
          ...{ queue, inFlightMax: 4, deadlineMs: 10_000 },
          handle: async (value) => aboutPerson(store, activity, value),
        }),
      );
    },
    async stop() {
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await Promise.all([target.stop(), follower.stop(), activity.stop()]);
      await store.close();
    },
    stats: () => ({
      entities: store.entityCount,
      sequence: store.sequence,
      ...follower.stats,
      ...thin.stats,
      badMessages: follower.fold.badMessages + activity.follower.fold.badMessages,
      ...activity.stats(),
      get: endpoints[0]?.stats() ?? null,
    }),
  };
}
