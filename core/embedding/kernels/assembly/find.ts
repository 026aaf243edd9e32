// find-rows.ts and row-transfer.ts: the batch lookup, alone and with the copy of the rows.
import { at, blockKeys, keep } from './memory';
import { gatherBlock } from './rows';

@inline
function mix32(hash: u32): u32 {
  hash ^= hash >> 16;
  hash *= 0x85ebca6b;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35;
  return hash ^ (hash >> 16);
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
 * One block. Short passes, so that the processor has many misses under way: hash all; touch the first buckets; compare;
 * touch the second buckets of what is missing; compare. scratch: a word, then addresses, second hashes and missing keys.
 */
@inline
function findBlock(
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
  for (let i: u32 = 0; i < count; i++) {
    const key = keys + (<usize>i << 3);
    const low = load<u32>(key);
    const high = load<u32>(key, 4);
    const folded = high ^ mix32(low + seedA);
    const second = low ^ mix32(folded + seedB);
    const first = bucketOf(folded ^ mix32(second + seedC), mask, splitCount);
    store<u32>(at(places, i), addressOf(directory, first));
    store<u32>(at(seconds, i), second);
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

/** Writes the row of each key, or -1, to rows; returns how many are missing. */
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
  let absent: u32 = 0;
  for (let done: u32 = 0; done < count; done += blockKeys) {
    const n = min(blockKeys, count - done);
    const k = keys + (<usize>done << 3);
    const r = at(rows, done);
    absent += findBlock(directory, mask, splitCount, seedA, seedB, seedC, k, n, r, scratch);
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
  let absent: u32 = 0;
  for (let done: u32 = 0; done < count; done += blockKeys) {
    const n = min(blockKeys, count - done);
    const k = keys + (<usize>done << 3);
    const r = at(rows, done);
    absent += findBlock(directory, mask, splitCount, seedA, seedB, seedC, k, n, r, scratch);
    const target = out + <usize>done * <usize>bytes;
    gatherBlock(rowDirectory, pageShift, rowBytes, r, n, 0, bytes, target, scratch);
  }
  return absent;
}
