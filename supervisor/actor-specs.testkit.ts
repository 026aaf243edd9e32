import type { ActorKind } from '../messages/actor-kinds.js';
import { addressOf, type ActorSpec } from '../messages/actor-spec.js';

/** A small cluster in start order: what placement would make of two ps-shards, a trainer and a recommender. */
export const specs: readonly ActorSpec[] = [
  specOf('a', 'ps-shard', 0, 0),
  specOf('a', 'ps-shard', 1, 0),
  specOf('a', 'trainer', 0, 1),
  specOf('b', 'recommender', 0, 2),
];

function specOf(dataCenter: string, kind: ActorKind, index: number, tier: number): ActorSpec {
  return { address: addressOf(dataCenter, kind, index), kind, dataCenter, index, tier };
}
