import type { CreateActor } from '../runtime/actor.js';
import { runActorProcess } from '../runtime/actor-process.js';
import type { ActorKind } from '../messages/actor-kinds.js';

/** What an actor process may become: the kind named in the start message, loaded alone to keep start-up short. */
const kinds: { readonly [K in ActorKind]: () => Promise<CreateActor<K>> } = {
  processor: async () => (await import('./processor/processor.js')).createProcessor,
  joiner: async () => (await import('./joiner/joiner.js')).createJoiner,
  'feature-store': async () =>
    (await import('./feature-store/feature-store.js')).createFeatureStore,
  'ps-shard': async () => (await import('./ps-shard/ps-shard.js')).createPsShard,
  'dense-shard': async () => (await import('./dense-shard/dense-shard.js')).createDenseShard,
  trainer: async () => (await import('./trainer/trainer.js')).createTrainer,
  'serving-shard': async () =>
    (await import('./serving-shard/serving-shard.js')).createServingShard,
  ranker: async () => (await import('./ranker/ranker.js')).createRanker,
  recommender: async () => (await import('./recommender/recommender.js')).createRecommender,
};

runActorProcess((kind) => kinds[kind]());
