import { createDenseShard } from '../../actors/dense-shard/dense-shard.js';
import { createFeatureStore } from '../../actors/feature-store/feature-store.js';
import { createJoiner } from '../../actors/joiner/joiner.js';
import { createProcessor } from '../../actors/processor/processor.js';
import { createPsShard } from '../../actors/ps-shard/ps-shard.js';
import { createRanker } from '../../actors/ranker/ranker.js';
import { createRecommender } from '../../actors/recommender/recommender.js';
import { createServingShard } from '../../actors/serving-shard/serving-shard.js';
import { createTrainer } from '../../actors/trainer/trainer.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import type { CreateActor } from '../../runtime/actor.js';

/** All kinds, loaded before time begins: what waits for a file would wait for the world outside. */
export const creators: { readonly [K in ActorKind]: CreateActor<K> } = {
  processor: createProcessor,
  joiner: createJoiner,
  'feature-store': createFeatureStore,
  'ps-shard': createPsShard,
  'dense-shard': createDenseShard,
  trainer: createTrainer,
  'serving-shard': createServingShard,
  ranker: createRanker,
  recommender: createRecommender,
};
