import { StarlingError } from '../base/errors.js';
import { isMissingValue } from './missing-value.js';
import type { VectorCoding } from './feature-spec.js';
import { preview } from './preview.js';

/**
 * Vectors come as lists of numbers, or as text: `[0.1, -0.2]`, or divided by '|', commas, semicolons or blanks, as files have them.
 * They are kept as 32-bit floats. One that is not what was declared is no vector at all: half of it would be another one.
 */
const divided = /[\s,;|]+/;

/**
 * @returns null: there is none.
 * @throws StarlingError BAD_EVENT naming the field, where it is of another length or has what is no number.
 */
export function vectorOf(
  value: unknown,
  { length }: Pick<VectorCoding, 'length'>,
  field: string,
): Float32Array | null {
  if (isMissingValue(value, true)) return null;
  const numbers = numbersIn(value);
  if (!numbers) throw badVector(field, length, preview(value));
  if (numbers.length !== length) throw badVector(field, length, `${numbers.length}`);
  for (let i = 0; i < length; i++)
    if (!Number.isFinite(numbers[i]!))
      throw badVector(field, length, `${preview(numbers[i])} at place ${i + 1}`);
  return numbers;
}

function numbersIn(value: unknown): Float32Array | undefined {
  if (isFloats(value)) return value;
  if (ArrayBuffer.isView(value)) return Float32Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return Float32Array.from(value, numberOf);
  if (typeof value !== 'string') return undefined;
  const text = value
    .trim()
    .replace(/^\[(.*)\]$/s, '$1')
    .trim();
  return Float32Array.from(text.split(divided), numberOf);
}

/** Also those of another realm. */
export function isFloats(value: unknown): value is Float32Array {
  return Object.prototype.toString.call(value) === '[object Float32Array]';
}

/** As people read it: the shortest numbers that are these. */
export function listOf(floats: Float32Array): number[] {
  return Array.from(floats, (float) => {
    for (let digits = 6; digits < 9; digits++) {
      const short = Number(float.toPrecision(digits));
      if (Math.fround(short) === float) return short;
    }
    return float;
  });
}

/** NaN where it is none. Blanks and truth are none either. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
}

function badVector(field: string, length: number, got: string): StarlingError {
  return new StarlingError('BAD_EVENT', `${field}: expected ${length} finite numbers; got ${got}`, {
    field,
  });
}

/**
 * Writes the numbers of a vector, and behind them 1 where they are missing. What is stored was checked as it came in; under another
 * configuration it may have another length, and is missing then.
 *
 * @param field where a wrong one is refused, as of what a request says.
 */
export function writeVector(
  value: unknown,
  coding: VectorCoding,
  target: Float32Array,
  at: number,
  field?: string,
): void {
  const { length, scale } = coding;
  const isStored = isFloats(value) && value.length === length;
  const numbers = isStored ? value : checkedVector(value, coding, field);
  if (!numbers) {
    target[at + length] = 1;
    return;
  }
  const factor = scale === 'unit' ? unitFactor(numbers) : 1;
  for (let i = 0; i < length; i++) target[at + i] = factor * numbers[i]!;
}

function checkedVector(
  value: unknown,
  coding: VectorCoding,
  field: string | undefined,
): Float32Array | null {
  try {
    return vectorOf(value, coding, field ?? '');
  } catch (error) {
    if (field !== undefined) throw error;
    return null;
  }
}

/** Of zeros it is 0. Divided first, as squares of large numbers leave the range. */
function unitFactor(numbers: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < numbers.length; i++) largest = Math.max(largest, Math.abs(numbers[i]!));
  if (largest === 0) return 0;
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += (numbers[i]! / largest) ** 2;
  return 1 / (largest * Math.sqrt(sum));
}
