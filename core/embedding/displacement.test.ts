import { describe, expect, test } from '@jest/globals';
import { runs } from '../base/runs.testkit.js';
import { mix32 } from '../base/hash.js';
import { Buckets, baseOf, entriesPerBucket, highWord, pageOf, rowWord } from './buckets.js';
import { makeRoom } from './displacement.js';

/** Rows held, by key; fails when a key stands twice or where its hashes do not lead. */
function contents(buckets: Buckets): Map<number, number> {
  const held = new Map<number, number>();
  for (let bucket = 0; bucket < buckets.bucketCount; bucket++) {
    for (let entry = 0; entry < entriesPerBucket; entry++) {
      const page = pageOf(buckets.pages, bucket);
      const at = baseOf(bucket) + entry;
      const [low, high, row] = [page[at], page[at + highWord], page[at + rowWord]];
      if (row === 0) continue;
      expect([buckets.firstBucket(low!, high!), buckets.secondBucket(low!, high!)]).toContain(
        bucket,
      );
      expect(held.has(low!)).toBe(false);
      held.set(low!, row!);
    }
  }
  return held;
}

function isFull(buckets: Buckets, low: number): boolean {
  const first = buckets.emptyEntry(buckets.firstBucket(low, 0));
  return first < 0 && buckets.emptyEntry(buckets.secondBucket(low, 0)) < 0;
}

function putInEmptyEntry(buckets: Buckets, low: number): void {
  const first = buckets.firstBucket(low, 0);
  const bucket = buckets.emptyEntry(first) >= 0 ? first : buckets.secondBucket(low, 0);
  buckets.put(bucket, buckets.emptyEntry(bucket), low, 0, 1 + low);
}

describe('makeRoom', () => {
  // Tables of a few buckets, where almost every path could cross itself.
  test.each([2, 4, 8])(
    '%i buckets: every entry stays in one of its buckets until none can move',
    (bucketCount) => {
      let roomsMade = 0;
      for (let seed = 0; seed < runs(100); seed++) {
        const buckets = new Buckets(bucketCount, seed);
        const expected = new Map<number, number>();
        for (let i = 0; i < 6 * bucketCount; i++) {
          const low = mix32(seed * 1000 + i) >>> 1;
          if (isFull(buckets, low)) {
            const [first, second] = [buckets.firstBucket(low, 0), buckets.secondBucket(low, 0)];
            const freed = makeRoom(buckets, first, second);
            if (freed < 0) break;
            roomsMade++;
            expect([first, second]).toContain(Math.floor(freed / entriesPerBucket));
            expect(buckets.emptyEntry(Math.floor(freed / entriesPerBucket))).toBe(
              freed % entriesPerBucket,
            );
          }
          putInEmptyEntry(buckets, low);
          expected.set(low, 1 + low);
        }
        expect(contents(buckets)).toEqual(expected);
      }
      expect(roomsMade).toBeGreaterThan(20);
    },
  );
});
