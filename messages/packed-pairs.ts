import { hashPair } from '../core/base/hash.js';
import type { Fields } from './checks.js';
import { u32, wrong } from './checks.js';
import { isWords } from './packed-columns.js';

/**
 * Pairs of words, such as fids, of which a batch says many again and again: the distinct ones once, and of each occurrence its place among
 * them. Those with a high word come first, so that small numbers, as most ids are, take four bytes.
 *
 *   lows   u32 [u]       low words of the distinct pairs
 *   highs  u32 [h ≤ u]   high words of the first h of them; of all others they are 0
 *   picks  u8, u16 or u32 [t]
 */
export interface PackedPairs {
  readonly lows: Uint32Array;
  readonly highs: Uint32Array;
  readonly picks: Uint8Array | Uint16Array | Uint32Array;
}

/** Names and heads of three fields instead of one. */
const headBytes = 32;
const seed = 0x2b79c1;

/** Scratch of one batch at a time: it never yields. Distinct number + 1 by hash; 0 = free. */
let table = new Int32Array(1024);

/** @param pairs u32 [2·t] @returns the pairs themselves where packing them saves nothing. */
export function packedPairs(pairs: Uint32Array): Uint32Array | PackedPairs {
  const count = pairs.length / 2;
  if (4 * pairs.length <= headBytes) return pairs;
  const numbers = new Uint32Array(count);
  const firsts = distinctOf(pairs, numbers);
  const distinct = firsts.length;
  let high = 0;
  for (const first of firsts) if (pairs[2 * first + 1] !== 0) high++;
  const pickBytes = distinct <= 0x100 ? 1 : distinct <= 0x10000 ? 2 : 4;
  if (4 * (distinct + high) + pickBytes * count + headBytes >= 4 * pairs.length) return pairs;
  const lows = new Uint32Array(distinct);
  const highs = new Uint32Array(high);
  const places = new Uint32Array(distinct);
  let withHigh = 0;
  let without = high;
  firsts.forEach((first, number) => {
    const place = pairs[2 * first + 1] === 0 ? without++ : withHigh++;
    places[number] = place;
    lows[place] = pairs[2 * first]!;
    if (place < high) highs[place] = pairs[2 * first + 1]!;
  });
  const picks = new (pickBytes === 1 ? Uint8Array : pickBytes === 2 ? Uint16Array : Uint32Array)(
    count,
  );
  for (let i = 0; i < count; i++) picks[i] = places[numbers[i]!]!;
  return { lows, highs, picks };
}

/** Numbers the distinct pairs as they are first seen, into `numbers`. @returns where each was seen first. */
function distinctOf(pairs: Uint32Array, numbers: Uint32Array): number[] {
  const count = numbers.length;
  let size = 1024;
  while (size < 2 * count) size *= 2;
  if (table.length < size) table = new Int32Array(size);
  const slots = table.subarray(0, size);
  slots.fill(0);
  const mask = size - 1;
  const firsts: number[] = [];
  for (let i = 0; i < count; i++) {
    const low = pairs[2 * i]!;
    const high = pairs[2 * i + 1]!;
    let position = hashPair(low, high, seed) & mask;
    let number: number;
    while ((number = slots[position]! - 1) >= 0) {
      const first = firsts[number]!;
      if (pairs[2 * first] === low && pairs[2 * first + 1] === high) break;
      position = (position + 1) & mask;
    }
    if (number < 0) {
      number = firsts.length;
      firsts.push(i);
      slots[position] = number + 1;
    }
    numbers[i] = number;
  }
  return firsts;
}

/** @throws StarlingError BAD_MESSAGE */
export function unpackPairs(fields: Fields, what: string): Uint32Array {
  const lows = u32(fields, 'lows', what);
  const highs = u32(fields, 'highs', what);
  if (highs.length > lows.length)
    throw wrong(what, 'highs', `at most ${lows.length} elements`, highs.length);
  const { picks } = fields;
  if (!isWords(picks)) throw wrong(what, 'picks', 'whole numbers of 8, 16 or 32 bits', picks);
  const distinct = lows.length;
  const high = highs.length;
  const pairs = new Uint32Array(2 * picks.length);
  for (let i = 0; i < picks.length; i++) {
    const pick = picks[i]!;
    if (pick >= distinct) throw wrong(what, 'picks', `places below ${distinct}`, pick);
    pairs[2 * i] = lows[pick]!;
    if (pick < high) pairs[2 * i + 1] = highs[pick]!;
  }
  return pairs;
}
