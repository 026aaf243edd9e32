import { hashPair, mix32 } from './hash.js';

/**
 * A fid names one row: a slot and a 64-bit key, held as two u32 words (low, high) because a 64-bit integer does not
 * fit a JavaScript number and a BigInt per key is ten times slower.
 *
 * Decimal integers below 2^63 are their own key. Everything else is hashed to 63 bits and the top bit is set, so an
 * integer and a string of one slot can never meet. 63 bits expect 0.05 colliding pairs among 10^9 strings.
 */
const highBit = 0x80000000;

/** Writes the key of `value` to words[2·index] (low) and words[2·index+1] (high). */
export function writeKey(words: Uint32Array, index: number, value: string | number): void {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && value >= 0) {
      words[2 * index] = value >>> 0;
      words[2 * index + 1] = Math.floor(value / 4294967296);
      return;
    }
    writeHashedKey(words, index, String(value));
    return;
  }
  if (isCanonicalInteger(value)) {
    if (value.length <= 15) {
      const number = Number(value);
      words[2 * index] = number >>> 0;
      words[2 * index + 1] = Math.floor(number / 4294967296);
      return;
    }
    const big = BigInt(value);
    if (big < 1n << 63n) {
      words[2 * index] = Number(big & 0xffffffffn);
      words[2 * index + 1] = Number(big >> 32n);
      return;
    }
  }
  writeHashedKey(words, index, value);
}

/** "007" and "7" are different strings, so only the canonical decimal form is its own key. */
function isCanonicalInteger(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > 19) return false;
  const first = text.charCodeAt(0);
  if (first === 48) return length === 1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** Two FNV-like streams over the code units, cross-mixed: 63 bits and the mark of a hashed key. */
function writeHashedKey(words: Uint32Array, index: number, text: string): void {
  let a = 0x811c9dc5 | 0;
  let b = 0x9e3779b9 | 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul((b ^ code) + ((a >>> 15) | 0), 0x85ebca6b);
    b ^= b >>> 13;
  }
  words[2 * index] = mix32(a ^ mix32(b ^ text.length));
  words[2 * index + 1] = (mix32(b ^ mix32(a + 0x27d4eb2f)) | highBit) >>> 0;
}

const partitionSeed = 0x5ca1ab1e;

/**
 * The partition a key lives in: a range of a hash that the tables do not use for their buckets. Monotone in the hash,
 * so a partition is a hash range and a later split stays contiguous.
 */
export function partitionOf(low: number, high: number, partitionCount: number): number {
  return Math.floor((hashPair(low, high, partitionSeed) / 4294967296) * partitionCount);
}
