import type { ModelIdentity } from '../core/base/model-identity.js';
import type { ModelOverrides } from '../core/config/model-config.js';
import { asFields, asMessage, listOf, number, text, wrong, type Fields } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/** Of each model the actors of these kinds are its own; all others serve every model. */
export const modelKinds = [
  'ps-shard',
  'dense-shard',
  'trainer',
  'serving-shard',
  'ranker',
] as const;
export type ModelKind = (typeof modelKinds)[number];

/**
 * `filling`: its rows and network are being taken from a snapshot, and nobody teaches it yet. `stopping`: its actors go, and what
 * it has left behind.
 */
export const modelStates = ['filling', 'learning', 'stopping'] as const;
export type ModelState = (typeof modelStates)[number];

/** A model beside `main`, as the leader keeps it. */
export interface ModelRecord extends ModelIdentity {
  /** What its actors have in place of the configuration of the cluster. */
  readonly set: ModelOverrides;
  /** The snapshot that it began with; empty: it began with nothing. */
  readonly from: string;
  readonly state: ModelState;
  readonly counts: Readonly<Record<ModelKind, number>>;
  /** Since 1970. */
  readonly startedAtMs: number;
}

/** All models but `main`: the key `models`. */
export interface ModelList {
  /** Of the leader that has written it. */
  readonly term: number;
  /** The highest number that a model was ever given. */
  readonly last: number;
  readonly models: readonly ModelRecord[];
}

export const noModels: ModelList = { term: 0, last: 0, models: [] };

export const modelsKey = 'models';

export function encodeModels(list: ModelList): Uint8Array {
  return encode({ v: protocolVersion, ...list });
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeModels(bytes: Uint8Array): ModelList {
  const what = 'models';
  const fields = asMessage(decode(bytes), what);
  return {
    term: natural(fields, 'term', what),
    last: natural(fields, 'last', what),
    models: modelsIn(fields, what),
  };
}

/** @returns none where the field is absent. */
export function modelsIn(fields: Fields, what: string): ModelRecord[] {
  return fields['models'] === undefined ? [] : listOf(fields, 'models', what, parseModelRecord);
}

export function parseModelRecord(value: unknown, what: string): ModelRecord {
  const fields = asFields(value, what);
  const state = modelStates.find((each) => each === fields['state']);
  if (!state) throw wrong(what, 'state', modelStates.join(', '), fields['state']);
  const counts = asFields(fields['counts'], `${what}.counts`);
  return {
    name: text(fields, 'name', what),
    number: natural(fields, 'number', what),
    cut: natural(fields, 'cut', what),
    ...(fields['throughMs'] === undefined ? {} : { throughMs: number(fields, 'throughMs', what) }),
    set: asFields(fields['set'], `${what}.set`),
    from: text(fields, 'from', what),
    state,
    counts: Object.fromEntries(
      modelKinds.map((kind) => [kind, natural(counts, kind, `${what}.counts`)]),
    ) as Record<ModelKind, number>,
    startedAtMs: number(fields, 'startedAtMs', what),
  };
}

export function identityOf({ name, number, cut, throughMs }: ModelRecord): ModelIdentity {
  return { name, number, cut, ...(throughMs === undefined ? {} : { throughMs }) };
}

/** Beside `main`, at once. Each has a consumer of SAMPLES, whose name its trainers may use and no other. */
export const modelsMax = 8;

/** The durable consumer of SAMPLES that the trainers of a model share; it ends with the model. */
export function trainerQueue({ number }: Pick<ModelIdentity, 'number'>): string {
  return number === 0 ? 'trainer' : `trainer-${placeOf(number)}`;
}

export const trainerQueues: readonly string[] = [
  'trainer',
  ...Array.from({ length: modelsMax }, (_unused, place) => `trainer-${place}`),
];

function placeOf(number: number): number {
  return number % modelsMax;
}

/** For another model: one that was never given, and whose consumer is free; undefined where none is. */
export function nextNumber({
  last,
  models,
}: Pick<ModelList, 'last' | 'models'>): number | undefined {
  const taken = new Set(models.map(({ number }) => placeOf(number)));
  for (let number = last + 1; number <= last + modelsMax; number++)
    if (!taken.has(placeOf(number))) return number;
  return undefined;
}

function natural(fields: Fields, name: string, what: string): number {
  const value = number(fields, name, what);
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(what, name, 'a natural number', value);
  return value;
}
