/** The kinds a placement knows. A kind is also its folder in actors/, its subject token and its config key. */
export const actorKinds = [
  'processor',
  'joiner',
  'feature-store',
  'ps-shard',
  'dense-shard',
  'trainer',
  'serving-shard',
  'ranker',
  'recommender',
] as const;

export type ActorKind = (typeof actorKinds)[number];

export function isActorKind(value: unknown): value is ActorKind {
  return actorKinds.some((kind) => kind === value);
}
