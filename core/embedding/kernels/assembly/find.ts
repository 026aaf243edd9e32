// find-rows.ts and row-transfer.ts: the batch lookup, alone and with the copy of the rows.
import { at, blockKeys, keep } from './memory';
import { gather } from './rows';

/** mix32 of core/base/hash.ts, four at once. */
@inline
function mix32(hash: v128): v128 {
  hash = v128.xor(hash, i32x4.shr_u(hash, 16));
  hash = i32x4.mul(hash, i32x4.splat(0x85ebca6b));
  hash = v128.xor(hash, i32x4.shr_u(hash, 13));
  hash = i32x4.mul(hash, i32x4.splat(0xc2b2ae35));
  return v128.xor(hash, i32x4.shr_u(hash, 16));
}

/** buckets.ts, bucketOf. */
@inline
function bucketOf(hash: u32, mask: u32, splitCount: u32): u32 {
  const bucket = hash & mask;
  return select<u32>(hash & (2 * mask + 1), bucket, bucket < splitCount);
}

/** 2^14 buckets of 64 bytes to a page. */
@inline
function addressOf(directory: usize, bucket: u32): u32 {
  return load<u32>(at(directory, bucket >> 14)) + ((bucket & 0x3fff) << 6);
}

/** row + 1, or 0: all four entries at once. Empty ones may keep the key they had, but their row is 0. */
@inline
function match(bucket: usize, low: u32, high: u32): u32 {
  const lows = i32x4.eq(v128.load(bucket), i32x4.splat(low));
  const highs = i32x4.eq(v128.load(bucket, 16), i32x4.splat(high));
  const row = v128.and(v128.and(lows, highs), v128.load(bucket, 32));
  const half = v128.or(row, v128.shuffle<u32>(row, row, 2, 3, 0, 1));
  return i32x4.extract_lane(v128.or(half, v128.shuffle<u32>(half, half, 1, 0, 3, 2)), 0);
}

/**
 * Writes the row of each key, or -1, to rows; returns how many are missing. Short passes, so that the processor has many misses under way: hash all; touch the first buckets; compare;
 * touch the second buckets of what is missing; compare. scratch: a word, then addresses, second hashes and missing keys.
 */
export function find(
  directory: usize,
  mask: u32,
  splitCount: u32,
  seedA: u32,
  seedB: u32,
  seedC: u32,
  keys: usize,
  count: u32,
  rows: usize,
  scratch: usize,
): u32 {
  const places = scratch + 64;
  const seconds = places + (blockKeys << 2);
  const missing = seconds + (blockKeys << 2);
  const masks = i32x4.splat(mask);
  const wides = i32x4.splat(2 * mask + 1);
  const splits = i32x4.splat(splitCount);
  const a = i32x4.splat(seedA);
  const b = i32x4.splat(seedB);
  const c = i32x4.splat(seedC);
  // Four keys at a time; what is beyond `count` are keys of another call, and their places are never looked at.
  for (let i: u32 = 0; i < count; i += 4) {
    const key = keys + (<usize>i << 3);
    const p = v128.load(key);
    const q = v128.load(key, 16);
    const low = v128.shuffle<u32>(p, q, 0, 2, 4, 6);
    const high = v128.shuffle<u32>(p, q, 1, 3, 5, 7);
    const folded = v128.xor(high, mix32(i32x4.add(low, a)));
    const second = v128.xor(low, mix32(i32x4.add(folded, b)));
    const first = v128.xor(folded, mix32(i32x4.add(second, c)));
    v128.store(at(seconds, i), second);
    const cut = v128.and(first, masks);
    const bucket = v128.bitselect(v128.and(first, wides), cut, i32x4.lt_u(cut, splits));
    store<u32>(at(places, i), addressOf(directory, i32x4.extract_lane(bucket, 0)));
    store<u32>(at(places, i + 1), addressOf(directory, i32x4.extract_lane(bucket, 1)));
    store<u32>(at(places, i + 2), addressOf(directory, i32x4.extract_lane(bucket, 2)));
    store<u32>(at(places, i + 3), addressOf(directory, i32x4.extract_lane(bucket, 3)));
  }
  let touched: u32 = 0;
  for (let i: u32 = 0; i < count; i++) touched ^= load<u32>(<usize>load<u32>(at(places, i)));
  let left: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = keys + (<usize>i << 3);
    const row = match(<usize>load<u32>(at(places, i)), load<u32>(key), load<u32>(key, 4));
    store<u32>(at(rows, i), row - 1);
    store<u32>(at(missing, left), i);
    left += u32(row == 0);
  }
  for (let m: u32 = 0; m < left; m++) {
    const second = load<u32>(at(seconds, load<u32>(at(missing, m))));
    const bucket = addressOf(directory, bucketOf(second, mask, splitCount));
    store<u32>(at(places, m), bucket);
    touched ^= load<u32>(<usize>bucket);
  }
  keep(scratch, touched);
  let absent: u32 = 0;
  for (let m: u32 = 0; m < left; m++) {
    const i = load<u32>(at(missing, m));
    const key = keys + (<usize>i << 3);
    const row = match(<usize>load<u32>(at(places, m)), load<u32>(key), load<u32>(key, 4));
    store<u32>(at(rows, i), row - 1);
    absent += u32(row == 0);
  }
  return absent;
}

/** As find, and copies the first `bytes` of each row to out, zeros for one that is missing. */
export function lookup(
  directory: usize,
  mask: u32,
  splitCount: u32,
  seedA: u32,
  seedB: u32,
  seedC: u32,
  keys: usize,
  count: u32,
  rows: usize,
  scratch: usize,
  rowDirectory: usize,
  pageShift: u32,
  rowBytes: u32,
  bytes: u32,
  out: usize,
): u32 {
  const missing = find(directory, mask, splitCount, seedA, seedB, seedC, keys, count, rows, scratch);
  gather(rowDirectory, pageShift, rowBytes, rows, count, 0, bytes, out, scratch);
  return missing;
}
