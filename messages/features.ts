import { StarlingError } from '../core/base/errors.js';
import { f64, noneOf, u8 } from '../core/base/columns.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { asFields, asMessage, text, texts, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { columnsOf } from './column-checks.js';
import { sequenceOf } from './progress-marks.js';
import type { Entity } from './subjects.js';
import { entities } from './subjects.js';

/** A change of the features of some users or items: each entry replaces what was known of its entity. */
export interface FeatureChange {
  readonly entity: Entity;
  readonly ids: readonly string[];
  readonly features: readonly RawFeatures[];
}

/** Of each entity: whether it is to be forgotten altogether, and the event time of the change; NaN: not told. */
const entityTable = { erased: u8(), atMs: f64() } as const;
const notErased = noneOf(entityTable);

/** A change replaces what was known; one that patches it is refused until stores can do that. */
const replaceMode = 'replace';

export function featureChangeMessage(change: FeatureChange) {
  return { v: protocolVersion, kind: 'features', mode: replaceMode, ...change, ...notErased };
}

export function parseFeatureChange(value: unknown): FeatureChange {
  const what = 'features';
  const fields = asMessage(value, what);
  const ids = texts(fields, 'ids', what);
  const mode = text(fields, 'mode', what);
  if (mode !== replaceMode) throw wrong(what, 'mode', replaceMode, mode);
  const { erased } = columnsOf(entityTable, fields, what, ids.length);
  if (erased.some((each) => each !== 0)) throw wrong(what, 'erased', 'nobody', 'some');
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
  /** Of FEATURES: changes up to here are in it. A reply older than the newest notice must not be kept. */
  readonly sequence: number;
  readonly users: readonly (RawFeatures | null)[];
  readonly items: readonly (RawFeatures | null)[];
}

export function featuresRequest(request: FeaturesRequest) {
  return { v: protocolVersion, ...request };
}

export function featuresReply(reply: FeaturesReply) {
  return { v: protocolVersion, ...reply };
}

export function parseFeaturesReply(value: unknown, request: FeaturesRequest): FeaturesReply {
  const what = 'features reply';
  const fields = asMessage(value, what);
  return {
    sequence: sequenceOf(fields, what),
    users: nullableList(fields.users, request.users.length, what),
    items: nullableList(fields.items, request.items.length, what),
  };
}

/** That a change is in FEATURES, at `sequence`. Its copies may get there later than this. */
export interface FeaturesNotice {
  readonly entity: Entity;
  readonly ids: readonly string[];
  readonly sequence: number;
}

export function featuresNotice(notice: FeaturesNotice) {
  return { v: protocolVersion, kind: 'features-changed', ...notice };
}

export function parseFeaturesNotice(value: unknown): FeaturesNotice {
  const what = 'features notice';
  const fields = asMessage(value, what);
  return {
    entity: entityOf(text(fields, 'entity', what)),
    ids: texts(fields, 'ids', what),
    sequence: sequenceOf(fields, what),
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

export function featureList(value: unknown, length: number, what: string): RawFeatures[] {
  if (!Array.isArray(value) || value.length !== length)
    throw wrong(what, 'features', `a list of ${length} maps`, value);
  return value.map((each, i) => asFields(each, `${what}.features[${i}]`));
}

function nullableList(value: unknown, length: number, what: string): (RawFeatures | null)[] {
  if (!Array.isArray(value) || value.length !== length)
    throw wrong(what, 'features', `a list of ${length}`, value);
  return value as (RawFeatures | null)[];
}
