import path from 'node:path';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import type { FeaturesRequest } from '../../messages/features.js';
import {
  featuresReply,
  parseFeatureChange,
  parseFeaturesRequest,
} from '../../messages/features.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { StreamMessage } from '../../runtime/bus.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { EntityStore } from '../../runtime/stores/entity-store.js';
import { answersAt } from '../shared/guest-replicas.js';

const retryMs = 1_000;

/** User and item features by id: a follower of its data center's copy of FEATURES that keeps its place on disk, and answers batches. */
export function createFeatureStore(context: ActorContext): Actor<'feature-store'> {
  const { bus, identity, log } = context;
  const store = new EntityStore(path.join(context.folder, 'features'));
  let following: Following | undefined;
  let endpoint: ServedEndpoint | undefined;
  let stopping = false;
  let sequence = store.sequence;

  async function apply(message: StreamMessage): Promise<void> {
    const { entity, ids, features } = parseFeatureChange(decode(message.bytes));
    while (!stopping) {
      try {
        await store.apply(entity, ids, features, message.sequence);
        sequence = message.sequence;
        return;
      } catch (error) {
        // The log keeps the change; going on without it would lose it, so wait until there is room.
        log.warn(
          { code: codeOf(error), err: messageOf(error) },
          'feature change not stored yet; trying again',
        );
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  function get(request: FeaturesRequest) {
    return featuresReply({
      sequence,
      users: request.users.map((id) => store.get('user', id) ?? null),
      items: request.items.map((id) => store.get('item', id) ?? null),
    });
  }

  return {
    async start() {
      following = await follow(
        bus,
        { stream: bus.names.stream.featuresAt(identity.dataCenter), fromSequence: sequence + 1 },
        apply,
        context.crash,
      );
      await following.caughtUp;
      endpoint = new ServedEndpoint(bus, {
        subject: bus.names.subject.featuresGet,
        alsoAt: bus.names.subject.featuresGetAt(identity.dataCenter),
        answersAt: answersAt(context),
        queue: 'feature-store',
        inFlightMax: 512,
        deadlineMs: 2_000,
        handle: async (value) => get(parseFeaturesRequest(value)),
      });
    },
    async stop() {
      await endpoint?.stop();
      stopping = true;
      await following?.stop();
      await store.close();
    },
    stats: () => ({ entities: store.entityCount, sequence, get: endpoint?.stats() ?? null }),
  };
}
