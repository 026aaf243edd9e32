import { StarlingError } from '../core/base/errors.js';
import { asFields, asMessage, text, texts, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import type { Entity } from './subjects.js';
import { entities } from './subjects.js';

/** Features by source name, as told; the transform encodes them where they are used. */
export type RawFeatures = Readonly<Record<string, unknown>>;

/** A change of the features of some users or items: each entry replaces what was known of its entity. */
export interface FeatureChange {
  readonly entity: Entity;
  readonly ids: readonly string[];
  readonly features: readonly RawFeatures[];
}

export function featureChangeMessage(change: FeatureChange) {
  return { v: protocolVersion, kind: 'features', ...change };
}

export function parseFeatureChange(value: unknown): FeatureChange {
  const what = 'features';
  const fields = asMessage(value, what);
  const ids = texts(fields, 'ids', what);
  return {
    entity: entityOf(text(fields, 'entity', what)),
    ids,
    features: featureList(fields.features, ids.length, what),
  };
}

export interface FeaturesRequest {
  readonly users: readonly string[];
  readonly items: readonly string[];
}

export function parseFeaturesRequest(value: unknown): FeaturesRequest {
  const what = 'features request';
  const fields = asMessage(value, what);
  return { users: texts(fields, 'users', what), items: texts(fields, 'items', what) };
}

/** In the order asked for; null where nothing is known. */
export interface FeaturesReply {
  readonly users: readonly (RawFeatures | null)[];
  readonly items: readonly (RawFeatures | null)[];
}

export function parseFeaturesReply(value: unknown, request: FeaturesRequest): FeaturesReply {
  const what = 'features reply';
  const fields = asMessage(value, what);
  return {
    users: nullableList(fields.users, request.users.length, what),
    items: nullableList(fields.items, request.items.length, what),
  };
}

export function entityOf(name: string): Entity {
  const entity = entities.find((each) => each === name);
  if (!entity)
    throw new StarlingError(
      'BAD_EVENT',
      `entity: expected ${entities.join(' or ')}, got "${name}".`,
      { field: 'entity' },
    );
  return entity;
}

function featureList(value: unknown, length: number, what: string): RawFeatures[] {
  if (!Array.isArray(value) || value.length !== length)
    throw wrong(what, 'features', `a list of ${length} maps`, value);
  return value.map((each, i) => asFields(each, `${what}.features[${i}]`));
}

function nullableList(value: unknown, length: number, what: string): (RawFeatures | null)[] {
  if (!Array.isArray(value) || value.length !== length)
    throw wrong(what, 'features', `a list of ${length}`, value);
  return value as (RawFeatures | null)[];
}
