import { StarlingError } from '../core/base/errors.js';
import { at, f64, noneOf, u8 } from '../core/base/columns.js';
import type { ChangeMode } from '../core/features/entity-change.js';
import { changeModes } from '../core/features/entity-change.js';
import type { KeptFeatures } from '../core/features/kept-features.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { Fields } from './checks.js';
import { asFields, asMessage, number, text, texts, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { columnsOf } from './column-checks.js';
import { sequenceOf } from './progress-marks.js';
import type { Entity } from './subjects.js';
import { entities } from './subjects.js';

/** A change of what is known of some users or items. */
export interface FeatureChange {
  readonly entity: Entity;
  /** `replace` where it is left out. */
  readonly mode?: ChangeMode | undefined;
  readonly ids: readonly string[];
  /** All attributes that are told, features among them; a null empties one. */
  readonly features: readonly RawFeatures[];
  /** Of each whether it is gone, whatever is told of it; undefined: none is. */
  readonly erased?: readonly boolean[] | undefined;
  /** When it was accepted; undefined: not told, as before there were erasures. */
  readonly atMs?: number | undefined;
  /** Where it was accepted; undefined: nobody knows. */
  readonly origin?: ChangeOrigin | undefined;
  /** Of each, where they differ: of who puts late changes in order, and never sent. */
  readonly modes?: readonly ChangeMode[] | undefined;
}

/** A place in RAW of a data center. */
export interface ChangeOrigin {
  readonly dataCenter: string;
  readonly sequence: number;
}

export function modeOf({ mode, modes }: FeatureChange, i: number): ChangeMode {
  return modes?.[i] ?? mode ?? 'replace';
}

/** Of each entity: whether it is to be forgotten altogether, and when the change was accepted; NaN: not told. */
const entityTable = { erased: u8(), atMs: f64() } as const;
const notErased = noneOf(entityTable);

export function featureChangeMessage(change: FeatureChange) {
  const { mode = 'replace', entity, ids, features, erased, atMs, origin } = change;
  const all = erased?.some(Boolean) ? { erased: Uint8Array.from(erased, Number) } : {};
  return {
    v: protocolVersion,
    kind: 'features',
    mode,
    entity,
    ids,
    features,
    ...notErased,
    ...all,
    ...(atMs === undefined ? {} : { atMs: Float64Array.of(atMs) }),
    ...(origin ? { origin } : {}),
  };
}

export function parseFeatureChange(value: unknown): FeatureChange {
  const what = 'features';
  const fields = asMessage(value, what);
  const ids = texts(fields, 'ids', what);
  const told = text(fields, 'mode', what);
  const mode = changeModes.find((each) => each === told);
  if (!mode) throw wrong(what, 'mode', changeModes.join(' or '), told);
  const { erased, atMs: times } = columnsOf(entityTable, fields, what, ids.length);
  const atMs = times[0];
  return {
    ...{ entity: entityOf(text(fields, 'entity', what)), mode, ids },
    features: featureList(fields.features, ids.length, what),
    ...(erased.some((each) => each !== 0)
      ? { erased: ids.map((_id, i) => at(erased, i) !== 0) }
      : {}),
    ...(atMs === undefined || Number.isNaN(atMs) ? {} : { atMs }),
    ...(fields['origin'] === undefined
      ? {}
      : { origin: originOf(asFields(fields['origin'], `${what}.origin`), what) }),
  };
}

function originOf(fields: Fields, what: string): ChangeOrigin {
  const place = `${what}.origin`;
  return { dataCenter: text(fields, 'dataCenter', place), sequence: sequenceOf(fields, place) };
}

export interface FeaturesRequest {
  readonly users: readonly string[];
  readonly items: readonly string[];
  /** Asks also what the users did lately. */
  readonly lately?: LatelyRequest | undefined;
  /** Asks for these attributes instead of features and of what is kept; none named: for all there are. */
  readonly attributes?: readonly string[] | undefined;
}

export interface LatelyRequest {
  /** Types of events. */
  readonly types: readonly string[];
  /** Event time. */
  readonly sinceMs: number;
}

export function parseFeaturesRequest(value: unknown): FeaturesRequest {
  const what = 'features request';
  const fields = asMessage(value, what);
  const { lately } = fields;
  return {
    users: texts(fields, 'users', what),
    items: texts(fields, 'items', what),
    ...(lately === undefined ? {} : { lately: latelyOf(asFields(lately, `${what}.lately`), what) }),
    ...(fields['attributes'] === undefined
      ? {}
      : { attributes: texts(fields, 'attributes', what) }),
  };
}

function latelyOf(fields: Fields, what: string): LatelyRequest {
  return {
    types: texts(fields, 'types', `${what}.lately`),
    sinceMs: number(fields, 'sinceMs', `${what}.lately`),
  };
}

/** In the order asked for; null where nothing is known. */
export interface FeaturesReply {
  /** Of FEATURES: changes up to here are in it. A reply older than the newest notice must not be kept. */
  readonly sequence: number;
  /** Their features, or the attributes that were asked for. */
  readonly users: readonly (RawFeatures | null)[];
  readonly items: readonly (RawFeatures | null)[];
  /** What is kept of them, where anything is; else empty. */
  readonly kept: KeptReply;
  /** By user, items of what they did lately; where it was asked for. */
  readonly lately: readonly (readonly string[])[];
}

export interface KeptReply {
  /** Of ACTIVITY. */
  readonly sequence: number;
  /** Of RAW of the data center: what was done up to here is in the lists of its people, whoever told it. 0: not known. */
  readonly own: number;
  readonly users: readonly KeptFeatures[];
  readonly items: readonly KeptFeatures[];
}

export const noneKept: KeptReply = { sequence: 0, own: 0, users: [], items: [] };

export function featuresRequest(request: FeaturesRequest) {
  return { v: protocolVersion, ...request };
}

export function featuresReply(reply: FeaturesReply) {
  const { own, ...kept } = reply.kept;
  return { v: protocolVersion, ...reply, kept: own > 0 ? reply.kept : kept };
}

/** One of an earlier release says nothing of what is kept. */
function keptReplyOf(value: unknown, request: FeaturesRequest, what: string): KeptReply {
  if (value === undefined) return noneKept;
  const place = `${what}.kept`;
  const fields = asFields(value, place);
  const some = (name: 'users' | 'items'): KeptFeatures[] => {
    const list = fields[name];
    if (!Array.isArray(list) || (list.length > 0 && list.length !== request[name].length))
      throw wrong(place, name, `a list of ${request[name].length}, or none`, list);
    return list.map((each, i) => asFields(each, `${place}.${name}[${i}]`) as KeptFeatures);
  };
  return {
    ...{ sequence: sequenceOf(fields, place), own: ownOf(fields, place) },
    ...{ users: some('users'), items: some('items') },
  };
}

/** Absent: 0. */
export function ownOf({ own }: Fields, what: string): number {
  if (own === undefined) return 0;
  if (!Number.isSafeInteger(own) || Number(own) <= 0) throw wrong(what, 'own', 'a sequence', own);
  return Number(own);
}

function latelyReplyOf(value: unknown, what: string): string[][] {
  if (value === undefined) return [];
  const isTexts = (each: unknown) =>
    Array.isArray(each) && each.every((id) => typeof id === 'string');
  if (!Array.isArray(value) || !value.every(isTexts))
    throw wrong(what, 'lately', 'lists of items', value);
  return value;
}

export function parseFeaturesReply(value: unknown, request: FeaturesRequest): FeaturesReply {
  const what = 'features reply';
  const fields = asMessage(value, what);
  return {
    sequence: sequenceOf(fields, what),
    users: nullableList(fields.users, request.users.length, what),
    items: nullableList(fields.items, request.items.length, what),
    kept: keptReplyOf(fields['kept'], request, what),
    lately: latelyReplyOf(fields['lately'], what),
  };
}

/** That entities are others than before, by the record of a log at `sequence`. Its copies may get there later than this. */
export interface ChangeNotice {
  readonly entity: Entity;
  readonly ids: readonly string[];
  readonly sequence: number;
}

/** `sequence` is of FEATURES. */
export interface FeaturesNotice extends ChangeNotice {
  /** Some of them are gone. */
  readonly isErasure?: boolean;
}

export function featuresNotice({ isErasure = false, ...notice }: FeaturesNotice) {
  const erasure = isErasure ? { isErasure } : {};
  return { v: protocolVersion, kind: 'features-changed', ...notice, ...erasure };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseFeaturesNotice(value: unknown): FeaturesNotice {
  const what = 'features notice';
  const notice = changeNoticeIn(value, what);
  return asFields(value, what)['isErasure'] === true ? { ...notice, isErasure: true } : notice;
}

export function changeNoticeIn(value: unknown, what: string): ChangeNotice {
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
