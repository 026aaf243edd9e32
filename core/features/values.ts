import { StarlingError } from '../base/errors.js';
import { writeKey } from '../base/fid.js';
import type { Normalisation, Slot } from './feature-spec.js';
import { preview } from './preview.js';

/**
 * Raw values to keys and numbers. Values come from JSON, CBOR and CSV files, and the same value must give the same
 * key from each: 42, 42n and "42" are one id, "24" is the number 24, true is the id "true" and the number 1. `undefined`, `null` and '' are missing. Each function takes `field`, which errors name.
 */

/** Writes the keys of `value` to u32 pairs words[2·index …]; answers how many. */
export type KeyWriter = (
  value: unknown,
  field: string,
  words: Uint32Array,
  index: number,
) => number;

/** Of 32 bits. */
const floatMax = 3.4e38;

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Compiles a slot's coding, so that the choice of kind is made once and not per value. */
export function keyWriterOf(coding: Slot['coding']): KeyWriter {
  switch (coding.kind) {
    // It is written by what its values are of (history-writer.ts).
    case 'history':
      return () => 0;
    case 'id':
      return writeId;
    case 'ids':
      return (value, field, words, index) => writeIds(value, field, words, index, coding.valuesMax);
    case 'vocabulary': {
      const keys = new Map(coding.values.map((value, i) => [value, i + 1]));
      return (value, field, words, index) => {
        if (isMissing(value)) return 0;
        const key = keys.get(String(idOf(value, field)));
        if (key === undefined && !coding.other) return 0;
        writeKey(words, index, key ?? 0);
        return 1;
      };
    }
    case 'buckets':
      return (value, field, words, index) => {
        if (isMissing(value)) return 0;
        writeKey(words, index, bucketOf(coding.boundaries, numberOf(value, field)));
        return 1;
      };
  }
}

/**
 * A dense value after normalisation. Missing is 0: the mean under `standard`, nothing under `log1p`.
 *
 * @throws StarlingError BAD_EVENT where it is no number, or leaves the range of a 32-bit float.
 */
export function normalise(value: unknown, field: string, normalisation: Normalisation): number {
  if (isMissing(value)) return 0;
  const result = Math.fround(normalised(numberOf(value, field), normalisation));
  if (!Number.isFinite(result))
    throw badValue(field, 'a number within the range of a 32-bit float', value);
  return result;
}

/** A key as one number of 53 bits: two keys of a slot that meet in it are 1 in 10^9 among a hundred thousand. */
function keyNumberOf(low: number, high: number): number {
  return (high & 0x1fffff) * 4294967296 + low;
}

/** The keys of a value by a slot's writer, as numbers. */
export function keyNumbersOf(
  write: KeyWriter,
  value: unknown,
  { source, valuesMax }: { readonly source: string; readonly valuesMax: number },
): Float64Array {
  const words = new Uint32Array(2 * valuesMax);
  const count = write(value, source, words, 0);
  return Float64Array.from({ length: count }, (_, i) =>
    keyNumberOf(words[2 * i]!, words[2 * i + 1]!),
  );
}

/** The id as a key source: a string, or an integer that JavaScript can hold exactly. */
export function idOf(value: unknown, field: string): string | number {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  if (typeof value === 'number' && Number.isFinite(value)) {
    // 2^53 and beyond have been rounded already: two ids may have become one before they reached us.
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    throw badValue(field, 'an integer below 2^53, or the integer as a string', value);
  }
  throw badValue(field, 'a string or a finite number', value);
}

function writeId(value: unknown, field: string, words: Uint32Array, index: number): number {
  if (isMissing(value)) return 0;
  if (Array.isArray(value))
    throw badValue(field, 'one value (declare kind "ids" for several)', value);
  writeKey(words, index, idOf(value, field));
  return 1;
}

function writeIds(
  value: unknown,
  field: string,
  words: Uint32Array,
  index: number,
  valuesMax: number,
): number {
  if (isMissing(value)) return 0;
  const values: readonly unknown[] =
    typeof value === 'string' ? value.split('|') : Array.isArray(value) ? value : [value];
  let count = 0;
  for (const one of values) {
    if (isMissing(one)) continue;
    const id = idOf(one, field); // Beyond valuesMax too: a wrong type is an error wherever it stands.
    if (count < valuesMax) writeKey(words, index + count++, id);
  }
  return count;
}

export function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function numberOf(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  if (typeof value === 'string') {
    const text = value.trim();
    const number = decimal.test(text) ? Number(text) : NaN;
    if (Number.isFinite(number)) return number;
  }
  throw badValue(field, 'a finite number', value);
}

/** The count of boundaries ≤ value, by bisection. */
function bucketOf(boundaries: readonly number[], value: number): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (boundaries[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function normalised(x: number, normalisation: Normalisation): number {
  switch (normalisation.method) {
    case 'quantiles':
      // Beyond all others is beyond all others.
      return Math.min(floatMax, Math.max(-floatMax, x));
    case 'none':
      return x;
    case 'log1p':
      return (normalisation.scale ?? 1) * Math.sign(x) * Math.log1p(Math.abs(x));
    case 'standard':
      return (x - normalisation.mean) / normalisation.deviation;
    case 'minmax': {
      const share = (x - normalisation.min) / (normalisation.max - normalisation.min);
      return Math.min(1, Math.max(0, share));
    }
  }
}

function badValue(field: string, expected: string, value: unknown): StarlingError {
  const message = `${field}: expected ${expected}; got ${preview(value)}`;
  return new StarlingError('BAD_EVENT', message, { field });
}
