import type { Fields } from './checks.js';
import { wrong } from './checks.js';

/**
 * Columns as they travel, in fewer bytes where that pays. A reader takes either form, so a column may be packed or not, and
 * records of before are read as they were.
 *
 *   numbers  {from, after}        whole numbers as their distance from the smallest, in as many bytes as those need; the largest
 *                                 distance of the type stands for "not known" (NaN)
 *            {ends, runs}         rows one after the other that say the same once, as of texts
 *   texts    {prefix, ends, rest} what all have in front once, and rows one after the other that say the same once: `rest` by run, `ends`
 *                                 is where each run ends; left out where each row is a run
 *
 * Rejected: compression of whole messages. Deflate takes two to twelve times as long as this for fids (docs/decisions/0056), and floats,
 * which are what is left, hardly become smaller.
 */
export interface PackedNumbers {
  readonly from: number;
  readonly after: Words;
}

export interface RunsOfNumbers<Column> {
  readonly ends: Words;
  readonly runs: Column;
}

export interface PackedTexts {
  readonly prefix: string;
  readonly ends?: Words;
  readonly rest: readonly string[];
}

type Words = Uint8Array | Uint16Array | Uint32Array;
type Numbers = Uint32Array | Float32Array | Float64Array;

/** Fewer rows: the names of the fields take what the packing saves. */
const rowsMin = 8;
const byteMax = 0xff;
const wordMax = 0xffff;
const longMax = 0xffffffff;

/** @returns the column itself where packing it would not halve it at least. */
export function packedNumbers<Column extends Numbers>(
  column: Column,
): Column | PackedNumbers | RunsOfNumbers<Column> {
  const { length } = column;
  if (length < rowsMin) return column;
  let runs = 1;
  let isWhole = true;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < length; i++) {
    const value = column[i]!;
    if (i > 0 && !Object.is(value, column[i - 1])) runs++;
    if (value !== value) continue;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) isWhole = false;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const width = column.BYTES_PER_ELEMENT;
  const Type = isWhole && max >= min ? arrayFor(max - min) : undefined;
  const wholeBytes =
    Type && 2 * Type.BYTES_PER_ELEMENT <= width ? Type.BYTES_PER_ELEMENT * length : Infinity;
  const runBytes = (width + (length > wordMax ? 4 : 2)) * runs;
  if (2 * runBytes <= Math.min(width * length, 2 * wholeBytes)) return runsOf(column, runs);
  return Type && wholeBytes < Infinity ? distancesOf(column, min, new Type(length)) : column;
}

function distancesOf(column: Numbers, from: number, after: Words): PackedNumbers {
  const none = noneOf(after);
  for (let i = 0; i < after.length; i++) {
    const value = column[i]!;
    after[i] = value === value ? value - from : none;
  }
  return { from, after };
}

function runsOf<Column extends Numbers>(column: Column, count: number): RunsOfNumbers<Column> {
  const { length } = column;
  const ends = new (length > wordMax ? Uint32Array : Uint16Array)(count);
  const runs = column.slice(0, count) as Column;
  let run = 0;
  for (let i = 1; i <= length; i++) {
    if (i < length && Object.is(column[i], column[i - 1])) continue;
    runs[run] = column[i - 1]!;
    ends[run++] = i;
  }
  return { ends, runs };
}

/** What no distance is as large as. */
function noneOf(after: Words): number {
  return 2 ** (8 * after.BYTES_PER_ELEMENT) - 1;
}

/** The largest that each holds stands for NaN. */
function arrayFor(span: number) {
  if (span < byteMax) return Uint8Array;
  if (span < wordMax) return Uint16Array;
  return span < longMax ? Uint32Array : undefined;
}

/** @throws StarlingError BAD_MESSAGE */
export function unpackNumbers<Column extends Numbers>(
  fields: Fields,
  what: string,
  rows: number,
  make: (rows: number) => Column,
): Column {
  const column = make(rows);
  if (fields['runs'] !== undefined) return spread(fields, what, column);
  const { from, after } = fields;
  if (typeof from !== 'number' || !Number.isSafeInteger(from))
    throw wrong(what, 'from', 'a whole number', from);
  if (!isWords(after)) throw wrong(what, 'after', 'whole numbers of 8, 16 or 32 bits', after);
  if (after.length !== rows) throw wrong(what, 'after', `${rows} elements`, after.length);
  const none = noneOf(after);
  // Of a column of whole numbers no distance is as large; if one is, it reads as 0.
  for (let i = 0; i < rows; i++) column[i] = after[i] === none ? NaN : from + after[i]!;
  return column;
}

function spread<Column extends Numbers>(
  { ends, runs }: Fields,
  what: string,
  column: Column,
): Column {
  const type = Object.prototype.toString.call(column);
  if (Object.prototype.toString.call(runs) !== type)
    throw wrong(what, 'runs', type.slice(8, -1), runs);
  const values = runs as Column;
  const isWhole = isWords(ends) && ends.length === values.length;
  if (!isWhole || (ends.at(-1) ?? 0) !== column.length)
    throw wrong(what, 'ends', `${values.length} ends of rows up to ${column.length}`, ends);
  let row = 0;
  for (let run = 0; run < values.length; run++) {
    const end = ends[run]!;
    if (end <= row || end > column.length) throw wrong(what, 'ends', 'ends that rise', end);
    column.fill(values[run]!, row, end);
    row = end;
  }
  return column;
}

/** By tag, as in checks.ts. */
export function isWords(value: unknown): value is Words {
  const tag = Object.prototype.toString.call(value);
  return (
    tag === '[object Uint8Array]' ||
    tag === '[object Uint16Array]' ||
    tag === '[object Uint32Array]'
  );
}

/**
 * @param isWhole each text stands in the bytes as it is, without a prefix.
 * @returns the column itself where packing it would not save a quarter at least.
 */
export function packedTexts(
  column: readonly string[],
  isWhole = false,
): readonly string[] | PackedTexts {
  const { length } = column;
  if (length < rowsMin) return column;
  const first = column[0]!;
  let prefix = isWhole ? 0 : first.length;
  let runs = 1;
  let plainBytes = first.length + 1;
  let restBytes = first.length + 1;
  for (let i = 1; i < length; i++) {
    const text = column[i]!;
    plainBytes += text.length + 1;
    if (text === column[i - 1]) continue;
    runs++;
    restBytes += text.length + 1;
    if (prefix > text.length) prefix = text.length;
    let same = 0;
    while (same < prefix && text.charCodeAt(same) === first.charCodeAt(same)) same++;
    prefix = same;
  }
  // Not in the middle of a pair of surrogates: UTF-8 has no half of one.
  if (prefix > 0 && isHighSurrogate(first.charCodeAt(prefix - 1))) prefix--;
  const hasRuns = runs < length;
  const endBytes = length > wordMax ? 4 : 2;
  const packedBytes = restBytes - runs * prefix + prefix + (hasRuns ? endBytes * runs : 0);
  // Without runs where those of one row each would take more than they save.
  if (packedBytes > 0.75 * plainBytes) return column;
  const rest: string[] = [];
  const ends = new (length > wordMax ? Uint32Array : Uint16Array)(runs);
  for (let i = 0; i < length; i++) {
    if (i > 0 && column[i] === column[i - 1]) {
      ends[rest.length - 1] = i + 1;
      continue;
    }
    rest.push(prefix === 0 ? column[i]! : column[i]!.slice(prefix));
    ends[rest.length - 1] = i + 1;
  }
  return hasRuns
    ? { prefix: first.slice(0, prefix), ends, rest }
    : { prefix: first.slice(0, prefix), rest };
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** Longer than the longest of ids; a bound for what a few bytes can become. */
const prefixMax = 1024;

/** Whether a value is a column of one of these forms. */
export function isPacked(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return 'after' in value || 'runs' in value || 'rest' in value;
}

/** @returns undefined where it is none. */
export function unpackTexts(value: unknown, rows: number): string[] | undefined {
  const { prefix, ends, rest } = (value ?? {}) as Partial<Record<keyof PackedTexts, unknown>>;
  if (typeof prefix !== 'string' || prefix.length > prefixMax || !Array.isArray(rest))
    return undefined;
  const runs = rest as unknown[];
  for (const text of runs) if (typeof text !== 'string') return undefined;
  const texts = runs as string[];
  if (ends === undefined)
    return texts.length === rows
      ? texts.map((text) => (prefix === '' ? text : prefix + text))
      : undefined;
  if (!isWords(ends) || ends.length !== texts.length || (ends.at(-1) ?? 0) !== rows)
    return undefined;
  const column: string[] = [];
  for (let run = 0; run < texts.length; run++) {
    const text = prefix === '' ? texts[run]! : prefix + texts[run]!;
    const end = ends[run]!;
    if (end <= column.length || end > rows) return undefined;
    while (column.length < end) column.push(text);
  }
  return column;
}
