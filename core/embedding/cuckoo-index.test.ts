import { describe, expect, test } from '@jest/globals';
import { mix32 } from '../base/hash.js';
import { Buckets } from './buckets.js';
import { absentRow, CuckooIndex } from './cuckoo-index.js';

/** Keys whose two buckets are the same two of a table of `bucketCount`, as an adversary who knows the seed would send. */
function collidingKeys(seed: number, bucketCount: number, wanted: number): [number, number][] {
  const buckets = new Buckets(bucketCount, seed);
  const keys: [number, number][] = [];
  const first = buckets.firstBucket(0, 0);
  const second = buckets.secondBucket(0, 0);
  for (let low = 0; keys.length < wanted; low++) {
    if (buckets.firstBucket(low, 0) === first && buckets.secondBucket(low, 0) === second)
      keys.push([low, 0]);
  }
  return keys;
}

function fidsOf(keys: readonly (readonly [number, number])[]): Uint32Array {
  return Uint32Array.from(keys.flat());
}

describe('CuckooIndex', () => {
  test('an empty index finds nothing, not even the all-zero key', () => {
    const index = new CuckooIndex({ seed: 1 });
    expect(index.findOne(0, 0)).toBe(absentRow);
    expect(index.remove(0, 0)).toBe(absentRow);
    expect(index.bytes).toBeLessThan(1024);
  });

  test('all-zero, all-ones and sign-bit keys are keys like any other', () => {
    const keys: [number, number][] = [
      [0, 0],
      [0xffffffff, 0xffffffff],
      [0, 0xffffffff],
      [0xffffffff, 0],
      [0x80000000, 0],
      [0, 0x80000000],
    ];
    const index = new CuckooIndex({ seed: 1 });
    keys.forEach(([low, high], row) => index.insert(low, high, row));
    const rows = new Int32Array(keys.length);
    expect(index.find(fidsOf(keys), 0, keys.length, rows, 0)).toBe(keys.length);
    expect([...rows]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(index.remove(0, 0)).toBe(0);
    expect(index.findOne(0, 0)).toBe(absentRow);
    expect(index.findOne(0, 0xffffffff)).toBe(2);
  });

  test('it is 0.95 full before it grows, for several seeds and kinds of keys', () => {
    const kinds = [
      (i: number): [number, number] => [i, 0],
      (i: number): [number, number] => [0, i],
      (i: number): [number, number] => [mix32(i), mix32(i ^ 0x1234567)],
      (i: number): [number, number] => [(i << 20) >>> 0, i >>> 12],
    ];
    for (const kind of kinds) {
      for (const seed of [1, 2, 3]) {
        const index = new CuckooIndex({ seed, initialKeys: 4096 * 4 * 0.95 });
        const { bucketCount } = index;
        let loadBefore = 0;
        for (let i = 0; index.bucketCount === bucketCount; i++) {
          index.insert(...kind(i), i);
          if (index.bucketCount === bucketCount) loadBefore = index.load;
        }
        expect(bucketCount).toBe(4096);
        expect(loadBefore).toBeGreaterThanOrEqual(0.95 - 1 / (4 * bucketCount));
        expect(index.stashCount).toBe(0);
      }
    }
  });

  test('growth adds a bounded number of buckets per insert, and every key is found at each point of it', () => {
    const index = new CuckooIndex({ seed: 5 });
    const keys: [number, number][] = [];
    let bucketCount = index.bucketCount;
    let grew = 0;
    for (let i = 0; i < 3000; i++) {
      keys.push([mix32(i), i]);
      index.insert(mix32(i), i, i);
      expect(index.bucketCount - bucketCount).toBeLessThanOrEqual(4);
      bucketCount = index.bucketCount;
      if (!index.growing || i % 17 !== 0) continue;
      grew++;
      const rows = new Int32Array(keys.length);
      expect(index.find(fidsOf(keys), 0, keys.length, rows, 0)).toBe(keys.length);
      expect(rows.every((row, k) => row === k)).toBe(true);
      index.verify();
    }
    expect(grew).toBeGreaterThan(10);
  });

  test('growth crosses from a growing first page to whole pages', () => {
    const index = new CuckooIndex({ seed: 5 });
    const count = 150_000;
    const fids = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) {
      fids[2 * i] = i;
      index.insert(i, 0, i);
    }
    const rows = new Int32Array(count);
    expect(index.bucketCount).toBeGreaterThan(2 * 2 ** 14);
    expect(index.find(fids, 0, count, rows, 0)).toBe(count);
    expect(rows.every((row, k) => row === k)).toBe(true);
    index.verify();
  });

  test('keys of the same two buckets are all held, and spread out as the index grows', () => {
    const keys = collidingKeys(9, 4, 200);
    const index = new CuckooIndex({ seed: 9 });
    keys.forEach(([low, high], row) => index.insert(low, high, row));
    index.verify();
    const rows = new Int32Array(keys.length);
    expect(index.find(fidsOf(keys), 0, keys.length, rows, 0)).toBe(keys.length);
    expect(rows.every((row, k) => row === k)).toBe(true);
  });

  test('keys that no growth within reason separates wait in the stash and can be removed from it', () => {
    const keys = collidingKeys(9, 128, 20);
    const index = new CuckooIndex({ seed: 9, initialKeys: 128 * 4 * 0.95 });
    keys.forEach(([low, high], row) => index.insert(low, high, row));
    expect(index.bucketCount).toBe(128);
    expect(index.stashCount).toBe(12);
    const rows = new Int32Array(keys.length);
    expect(index.find(fidsOf(keys), 0, keys.length, rows, 0)).toBe(keys.length);
    expect(rows.every((row, k) => row === k)).toBe(true);
    for (const [row, [low, high]] of keys.entries()) expect(index.remove(low, high)).toBe(row);
    expect(index.size).toBe(0);
    expect(index.stashCount).toBe(0);
    index.verify();
  });

  test('a growth empties the stash', () => {
    const keys = collidingKeys(9, 128, 20);
    const index = new CuckooIndex({ seed: 9, initialKeys: 128 * 4 * 0.95 });
    keys.forEach(([low, high], row) => index.insert(low, high, row));
    expect(index.stashCount).toBe(12);
    for (let i = 0; index.bucketCount < 1024; i++) index.insert(i, 1, 1000 + i);
    expect(index.stashCount).toBe(0);
    keys.forEach(([low, high], row) => expect(index.findOne(low, high)).toBe(row));
    index.verify();
  });

  test('verify finds a key that is not where its hash says', () => {
    const index = new CuckooIndex({ seed: 1, initialKeys: 100 });
    index.insert(1, 2, 3);
    const { buckets } = index;
    const home = buckets.firstBucket(1, 2);
    const other =
      (home === 0 ? 1 : 0) + (buckets.secondBucket(1, 2) === (home === 0 ? 1 : 0) ? 2 : 0);
    buckets.move(home, 0, other, 0);
    expect(() => index.verify()).toThrow('one of its two buckets');
  });
});
