import { StarlingError } from '../core/base/errors.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import type { Fields } from './checks.js';
import { isRecord, wrong } from './checks.js';

/**
 * How many occurrences each slot of each row has: a byte, or two where one has more than 255 of them. Of a slot that has as many in all
 * rows, as most have one, the count is said once.
 */
const byteMax = 0xff;
const wordMax = 0xffff;

type Counts = Uint8Array | Uint16Array;

/** [n·S] @throws StarlingError PAYLOAD_TOO_LARGE */
export function countsOf({ offsets, rowCount, slotCount }: ExampleBatch): Uint8Array | Uint16Array {
  const cells = rowCount * slotCount;
  const counts = new Uint8Array(cells);
  for (let cell = 0; cell < cells; cell++) {
    const count = offsets[cell + 1]! - offsets[cell]!;
    if (count > byteMax) return longCountsOf(offsets, cells);
    counts[cell] = count;
  }
  return counts;
}

function longCountsOf(offsets: Uint32Array, cells: number): Uint16Array {
  const counts = new Uint16Array(cells);
  for (let cell = 0; cell < cells; cell++) {
    const count = offsets[cell + 1]! - offsets[cell]!;
    if (count > wordMax) {
      const text = `a slot of a row has ${count} occurrences; at most ${wordMax} travel.`;
      throw new StarlingError('PAYLOAD_TOO_LARGE', text, { count });
    }
    counts[cell] = count;
  }
  return counts;
}

/** `each` is `varies` where the counts of a slot are in `told`. */
export interface PackedCounts {
  /** u8 [S] */
  readonly each: Uint8Array;
  /** [n · slots that vary], by row */
  readonly told: Counts;
}

const varies = byteMax;
/** Fewer rows: another map takes what it saves. */
const packedRowsMin = 4;

export function packedCounts(counts: Counts, slotCount: number): Counts | PackedCounts {
  const cells = counts.length;
  if (slotCount === 0 || cells < packedRowsMin * slotCount) return counts;
  const each = Uint8Array.from({ length: slotCount }, (_slot, s) => Math.min(varies, counts[s]!));
  for (let cell = slotCount; cell < cells; cell++) {
    const slot = cell % slotCount;
    if (counts[cell] !== each[slot]) each[slot] = varies;
  }
  const slots = [...each.keys()].filter((slot) => each[slot] === varies);
  if (slots.length === slotCount || fixedOf(each) === 0) return counts;
  const rows = cells / slotCount;
  const told = counts.slice(0, rows * slots.length);
  let end = 0;
  for (let row = 0; row < rows; row++)
    for (const slot of slots) told[end++] = counts[row * slotCount + slot]!;
  return { each, told };
}

/** Occurrences that each row has for certain. */
function fixedOf(each: Uint8Array): number {
  let sum = 0;
  for (const count of each) if (count !== varies) sum += count;
  return sum;
}

interface CountsShape {
  readonly rows: number;
  readonly slotCount: number;
  /** Of all rows: fids that came with them. */
  readonly occurrences: number;
}

/** One for each (row, slot), whichever way they are told. */
export function countsIn(
  inner: Fields,
  place: string,
  { rows, slotCount, occurrences }: CountsShape,
): Counts {
  const { counts } = inner;
  if (!isRecord(counts) || ArrayBuffer.isView(counts))
    return plainCounts(counts, place, rows * slotCount);
  const { each } = counts;
  if (!isBytes(each) || each.length !== slotCount)
    throw wrong(place, 'counts', `${slotCount} bytes`, each);
  // A few bytes must not become as many rows as they like.
  const fixed = rows * fixedOf(each);
  if ((rows > 0 && fixed === 0) || fixed > occurrences)
    throw wrong(place, 'counts', `1 to ${occurrences} occurrences in all rows`, fixed);
  const slots = [...each.keys()].filter((slot) => each[slot] === varies);
  const told = plainCounts(counts['told'], place, rows * slots.length);
  const all = new Uint16Array(rows * slotCount);
  for (let cell = 0; cell < all.length; cell++) all[cell] = each[cell % slotCount]!;
  let end = 0;
  for (let row = 0; row < rows; row++)
    for (const slot of slots) all[row * slotCount + slot] = told[end++]!;
  return all;
}

function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function plainCounts(counts: unknown, place: string, cells: number): Counts {
  const isWide = Object.prototype.toString.call(counts) === '[object Uint16Array]';
  if (!isWide && !isBytes(counts))
    throw wrong(place, 'counts', 'a Uint8Array or Uint16Array', counts);
  const list = counts as Counts;
  if (list.length !== cells) throw wrong(place, 'counts', `${cells} elements`, list.length);
  return list;
}
