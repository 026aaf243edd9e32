import type { FeatureDeclaration, FeatureSpec } from './feature-spec.js';
import type { EncodedEntity, Transform } from './transform.js';
import { unknownFeature } from './transform.js';

/**
 * Whether an example is of something that was shown, or of an event of somebody's own accord and what was drawn beside it: the rate of
 * clicks among the ones is not that of the others, and a model that is not told which is which learns a mixture. It is a context feature
 * that nobody tells: who makes an example says it.
 */
export const originName = 'origin';
export const origins = ['shown', 'organic'] as const;
export type Origin = (typeof origins)[number];

/** Rankers ask with `shown`, the first of the values. */
export const originDeclaration: FeatureDeclaration = {
  ...{ entity: 'context', source: originName, kind: 'vocabulary' },
  ...{ values: [...origins], other: false },
};

/** Whether the feature is this one, and no other of its name. */
export function isOrigin(feature: FeatureDeclaration): boolean {
  return (
    feature.kind === 'vocabulary' &&
    feature.entity === 'context' &&
    feature.source === originName &&
    !feature.other &&
    feature.values.join() === origins.join()
  );
}

export function hasOrigin({ slots }: Pick<FeatureSpec, 'slots'>): boolean {
  return slots.some(({ name, entity, source, coding }) => {
    return name === originName && isOrigin({ entity, source, ...coding } as FeatureDeclaration);
  });
}

/**
 * A context as it is told, and where the example comes from.
 *
 * @throws StarlingError UNKNOWN_FEATURE, BAD_EVENT as `encodeEntity` does; also where the origin is told.
 */
export function encodeContext(
  transform: Pick<Transform, 'spec' | 'encodeEntity'>,
  told: Readonly<Record<string, unknown>>,
  origin: Origin,
): EncodedEntity {
  const { spec } = transform;
  if (!hasOrigin(spec)) return transform.encodeEntity('context', '', told);
  if (Object.hasOwn(told, originName))
    throw unknownFeature('context', originName, toldContext(spec));
  return transform.encodeEntity('context', '', { ...told, [originName]: origin });
}

/** What may be told of a context. */
export function toldContext(spec: FeatureSpec): string[] {
  const isTold = hasOrigin(spec) ? (source: string) => source !== originName : () => true;
  return [...spec.slots, ...spec.dense]
    .filter(({ entity }) => entity === 'context')
    .map(({ source }) => source)
    .filter(isTold);
}
