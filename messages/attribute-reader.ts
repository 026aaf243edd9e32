import { messageOf } from '../core/base/errors.js';
import type {
  AttributeType,
  AttributeTypes,
  DeclaredAttributes,
} from '../core/features/attributes.js';
import { offerAttributes } from '../core/features/attributes.js';
import type { FeatureSpec } from '../core/features/feature-spec.js';
import { isKeptSlot } from '../core/features/feature-spec.js';
import { isMissingValue } from '../core/features/missing-value.js';
import { preview } from '../core/features/preview.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { keyWriterOf, normalise } from '../core/features/values.js';
import { vectorOf } from '../core/features/vectors.js';
import { secondsOf } from './event-time.js';
import type { Entity } from './subjects.js';

/** Longer texts are no attributes but documents: a message, and a row of a store, has many attributes. */
const textLengthMax = 32_768;
const listLengthMax = 1_000;
const nameLengthMax = 128;
const namesMax = 500;

export interface ReadAttributes {
  /** Null: there is no value. */
  readonly attributes: RawFeatures;
  /** What could not be read, each with its name. */
  readonly unreadable: readonly string[];
  /** Names that nothing is declared of. */
  readonly unknown: readonly string[];
}

/** What a source of features may be. */
interface Source {
  readonly isNumber: boolean;
  /** Words that a vocabulary lists are values, however they look. */
  readonly words: ReadonlySet<string>;
  /** @throws StarlingError BAD_EVENT where a feature can't be made of it. */
  readonly checks: ((value: unknown) => void)[];
  /** As it is kept, of what is no text, number or list. @throws as above. */
  readonly kept?: (value: unknown) => unknown;
}

/**
 * What is told of a user or an item, as it is stored. A value that can't be read costs that name alone; what looks like nothing is
 * nothing; what is declared has its type; the rest stays as it is.
 */
export class AttributeReader {
  readonly #sources: Readonly<Record<Entity, ReadonlyMap<string, Source>>>;
  readonly #types: Readonly<Record<Entity, AttributeTypes>>;

  constructor(spec: FeatureSpec, declared: DeclaredAttributes) {
    this.#sources = { user: sourcesOf(spec, 'user'), item: sourcesOf(spec, 'item') };
    this.#types = { user: declared.user, item: { ...offerAttributes, ...declared.item } };
  }

  read(entity: Entity, told: RawFeatures): ReadAttributes {
    const attributes: [string, unknown][] = [];
    const unreadable: string[] = [];
    const unknown: string[] = [];
    for (const [name, value] of Object.entries(told)) {
      // The id, which was checked.
      if (name === entity) continue;
      try {
        if (attributes.length >= namesMax)
          throw new Error(`expected at most ${namesMax} attributes`);
        attributes.push([name, this.#value(entity, name, value)]);
        if (!this.#isKnown(entity, name)) unknown.push(name);
      } catch (error) {
        unreadable.push(
          messageOf(error).startsWith(`${name}:`)
            ? messageOf(error)
            : `${name}: ${messageOf(error)}`,
        );
      }
    }
    return { attributes: Object.fromEntries(attributes), unreadable, unknown };
  }

  /** Names that something is declared of. */
  known(entity: Entity): string[] {
    return [...this.#sources[entity].keys(), ...Object.keys(this.#types[entity])];
  }

  #isKnown(entity: Entity, name: string): boolean {
    return this.#sources[entity].has(name) || Object.hasOwn(this.#types[entity], name);
  }

  #value(entity: Entity, name: string, told: unknown): unknown {
    if (name === '__proto__' || name === '' || name.length > nameLengthMax)
      throw new Error(`expected a name of 1 to ${nameLengthMax} characters`);
    const source = this.#sources[entity].get(name);
    const type = Object.hasOwn(this.#types[entity], name) ? this.#types[entity][name] : undefined;
    if (told === undefined || told === null || Number.isNaN(told)) return null;
    if ((source || type) && this.#isNothing(told, source, type)) return null;
    if (source?.kept) return source.kept(told);
    const value = type ? typed(told, type) : plain(told);
    for (const check of source?.checks ?? []) check(value);
    return value;
  }

  #isNothing(told: unknown, source: Source | undefined, type: AttributeType | undefined): boolean {
    if (typeof told === 'string' && source?.words.has(told)) return false;
    // A title may be called like that.
    if (type === 'text' && !source) return typeof told === 'string' && told.trim() === '';
    return isMissingValue(told, type === 'number' || source?.isNumber === true);
  }
}

function sourcesOf({ slots, dense }: FeatureSpec, entity: Entity): Map<string, Source> {
  const sources = new Map<
    string,
    Source & { isNumber: boolean; words: Set<string>; kept?: NonNullable<Source['kept']> }
  >();
  const sourceOf = (name: string) => {
    const known = sources.get(name) ?? { isNumber: false, words: new Set<string>(), checks: [] };
    sources.set(name, known);
    return known;
  };
  for (const slot of slots) {
    if (slot.entity !== entity || isKeptSlot(slot) || slot.source === entity) continue;
    const source = sourceOf(slot.source);
    const write = keyWriterOf(slot.coding);
    const words = new Uint32Array(2 * slot.valuesMax);
    source.checks.push((value) => void write(value, slot.source, words, 0));
    if (slot.coding.kind === 'buckets') source.isNumber = true;
    if (slot.coding.kind === 'vocabulary')
      for (const word of slot.coding.values) source.words.add(word);
  }
  for (const { kept, normalisation, vector, ...column } of dense) {
    if (column.entity !== entity || kept) continue;
    const source = sourceOf(column.source);
    if (vector) {
      source.isNumber = true;
      source.kept = (value) => vectorOf(value, vector, column.source);
      continue;
    }
    source.checks.push((value) => void normalise(value, column.source, normalisation));
    source.isNumber = true;
  }
  return sources;
}

/** @throws Error saying what was expected. */
function typed(value: unknown, type: AttributeType): unknown {
  switch (type) {
    case 'text':
      return isScalar(value) ? plain(String(value)) : refuse('a text', value);
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const isNumber = typeof number === 'number' && Number.isFinite(number);
      if (isNumber) return number;
      return typeof value === 'bigint' ? Number(value) : refuse('a number', value);
    }
    case 'boolean':
      return booleanOf(value);
    case 'list': {
      const list =
        typeof value === 'string' ? value.split('|').filter((each) => each !== '') : value;
      return plain(Array.isArray(list) ? list : [list]);
    }
    case 'time': {
      const isTime = typeof value === 'string' || typeof value === 'number';
      const seconds = isTime ? secondsOf(value) : undefined;
      if (seconds === undefined) refuse('seconds or milliseconds since 1970, or ISO 8601', value);
      return new Date(1000 * seconds).toISOString();
    }
  }
}

function booleanOf(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  const text = isScalar(value) ? String(value).trim().toLowerCase() : '';
  if (['true', '1', 'yes'].includes(text)) return true;
  if (['false', '0', 'no'].includes(text)) return false;
  return refuse('true or false', value);
}

/** Text, numbers, booleans, and lists of them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) {
    if (value.length > listLengthMax) refuse(`a list of at most ${listLengthMax}`, value);
    return value.map((each) => (isScalar(each) ? plain(each) : refuse('texts or numbers', each)));
  }
  if (typeof value === 'string' && value.length > textLengthMax)
    throw new Error(`expected a text of at most ${textLengthMax} characters; got ${value.length}`);
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`;
  return isScalar(value)
    ? value
    : refuse('a text, a number, true, false, or a list of them', value);
}

function isScalar(value: unknown): value is string | number | boolean | bigint {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint';
}

function refuse(expected: string, value: unknown): never {
  throw new Error(`expected ${expected}; got ${preview(value)}`);
}
