import type { FeatureDeclaration, FeatureEntity } from './feature-spec.js';
import { isKept } from './feature-spec.js';
import { originName } from './origin.js';

/**
 * What is known of an item or a user: everything that was told of it. Some of it are features, which the model looks at; the
 * rest (a title, a stock) is stored, filtered on, and returned to who asks for it.
 */
export const attributeTypes = ['text', 'number', 'boolean', 'list', 'time'] as const;
export type AttributeType = (typeof attributeTypes)[number];

export type AttributeTypes = Readonly<Record<string, AttributeType>>;

/** As the configuration declares them. */
export interface DeclaredAttributes {
  readonly user: AttributeTypes;
  readonly item: AttributeTypes;
}

/**
 * Of every item: whether it is offered, and when. They need no declaration. `absentSince` is of who loads whole files: the item was
 * in none since; it stands beside `hidden`, which people say.
 */
export const offerAttributes = {
  hidden: 'boolean',
  absentSince: 'time',
  availableFrom: 'time',
  availableUntil: 'time',
} as const satisfies AttributeTypes;

type Features = Readonly<Record<string, FeatureDeclaration>>;

/** Attributes that features are read from, and what they are as such. */
function typesOfFeatures(features: Features, entity: FeatureEntity): AttributeTypes {
  const types = new Map<string, AttributeType>();
  for (const declaration of Object.values(features)) {
    // The id is no attribute; a vector is nothing to compare.
    if (isKept(declaration) || declaration.entity !== entity || declaration.source === entity)
      continue;
    const { source, kind } = declaration;
    if (kind === 'vector') continue;
    const type =
      kind === 'ids' ? 'list' : kind === 'buckets' || kind === 'dense' ? 'number' : 'text';
    // What is looked at as a number too is one.
    if (type === 'number' || !types.has(source)) types.set(source, type);
  }
  return Object.fromEntries(types);
}

/** What a request may say of the moment. */
export function contextTypesOf(features: Features): AttributeTypes {
  const told = Object.entries(features).filter(([name]) => name !== originName);
  return typesOfFeatures(Object.fromEntries(told), 'context');
}

/** All that has a type: what is declared says more than what features make of it. */
export function attributeTypesOf(
  features: Features,
  declared: DeclaredAttributes,
  entity: 'user' | 'item',
): AttributeTypes {
  return {
    ...typesOfFeatures(features, entity),
    ...declared[entity],
  };
}

/** Whether the model looks at it. */
export type IsFeature = (entity: 'user' | 'item', name: string) => boolean;

export function isFeatureOf(features: Features): IsFeature {
  const names = { user: new Set<string>(), item: new Set<string>() };
  for (const declaration of Object.values(features)) {
    if (isKept(declaration) || declaration.entity === 'context') continue;
    names[declaration.entity].add(declaration.source);
  }
  return (entity, name) => names[entity].has(name);
}
