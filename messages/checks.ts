import { StarlingError } from '../core/base/errors.js';
import { protocolVersion } from './codec.js';

/**
 * Hand-written checks for hot messages: one look at type, length and bounds per column, nothing per element but the
 * few loops that make later indexing safe. zod is for what outsiders write by hand (public.ts).
 */
export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown, what: string): Fields {
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    ArrayBuffer.isView(value)
  ) {
    throw new StarlingError('BAD_MESSAGE', `${what}: expected a map, got ${describe(value)}.`);
  }
  return value as Fields;
}

/** Checks the version too: unknown fields are ignored, unknown versions refused. */
export function asMessage(value: unknown, what: string): Fields {
  const fields = asFields(value, what);
  if (fields.v !== protocolVersion) {
    throw new StarlingError(
      'UNSUPPORTED_VERSION',
      `${what}: version ${String(fields.v)} is not ${protocolVersion}, the one this release speaks.${ofOlderState(fields.v)}`,
      { version: fields.v, versionKnown: protocolVersion },
    );
  }
  return fields;
}

/** A record in a log, or a client of yesterday: what helps differs. */
function ofOlderState(version: unknown): string {
  return typeof version === 'number' && version < protocolVersion
    ? ' If it is state: start with a new --state folder, or run the release that wrote it.'
    : '';
}

export function number(fields: Fields, name: string, what: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || Number.isNaN(value)) throw wrong(what, name, 'a number', value);
  return value;
}

export function text(fields: Fields, name: string, what: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw wrong(what, name, 'a string', value);
  return value;
}

export function flag(fields: Fields, name: string, what: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw wrong(what, name, 'true or false', value);
  return value;
}

export function texts(fields: Fields, name: string, what: string, length?: number): string[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw wrong(what, name, 'a list of strings', value);
  if (length !== undefined && value.length !== length) {
    throw wrong(what, name, `${length} strings`, `${value.length}`);
  }
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== 'string') throw wrong(what, `${name}[${i}]`, 'a string', value[i]);
  }
  return value as string[];
}

/** Each entry by `read`, which is told where it stands. */
export function listOf<T>(
  fields: Fields,
  name: string,
  what: string,
  read: (value: unknown, what: string) => T,
): T[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw wrong(what, name, 'a list', value);
  return value.map((each, i) => read(each, `${what}.${name}[${i}]`));
}

export const u32 = (fields: Fields, name: string, what: string, length?: number): Uint32Array =>
  typed(fields, name, what, 'Uint32Array', length) as Uint32Array;
export const f32 = (fields: Fields, name: string, what: string, length?: number): Float32Array =>
  typed(fields, name, what, 'Float32Array', length) as Float32Array;
export const f64 = (fields: Fields, name: string, what: string, length?: number): Float64Array =>
  typed(fields, name, what, 'Float64Array', length) as Float64Array;

/** By tag, not `instanceof`: two realms have two Float32Arrays. */
function typed(
  fields: Fields,
  name: string,
  what: string,
  type: string,
  length?: number,
): ArrayBufferView {
  const value = fields[name];
  if (Object.prototype.toString.call(value) !== `[object ${type}]`)
    throw wrong(what, name, `a ${type}`, value);
  const view = value as Float32Array;
  if (length !== undefined && view.length !== length) {
    throw wrong(what, name, `${length} elements`, `${view.length}`);
  }
  return view;
}

export function wrong(what: string, name: string, expected: string, got: unknown): StarlingError {
  return new StarlingError(
    'BAD_MESSAGE',
    `${what}.${name}: expected ${expected}, got ${describe(got)}.`,
    {
      field: name,
    },
  );
}

export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (ArrayBuffer.isView(value)) return Object.prototype.toString.call(value).slice(8, -1);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
