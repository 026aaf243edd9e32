import {
  baseOf,
  bucketOf,
  entriesPerBucket,
  feistelRound,
  highWord,
  pageOf,
  type Buckets,
} from './buckets.js';

/**
 * Makes room for a key whose two buckets are full: some entry moves to its other bucket, whose entry moves to its
 * other bucket, and so on to a bucket with an empty entry. Breadth-first search finds the shortest such path (as in
 * MemC3 and libcuckoo), so few entries move, and nothing has moved when there is none. Being the shortest, a path never
 * takes the same entry twice: what follows the second time would have been found from the first.
 *
 * searchBuckets too low: growth starts before the table is full. Too high: a hopeless insert takes long. At 0.95 load
 * about one bucket in six has an empty entry, so 256 buckets fail with probability (5/6)^256, about 10^-20, and the
 * path is at most 5 moves long: 2 + 8 + 32 + 128 = 170 buckets are within 3 moves, the other 86 within 4.
 */
const searchBuckets = 256;

// Shared by all tables: a search never yields to another.
const queueBuckets = new Int32Array(searchBuckets);
const queueParents = new Int32Array(searchBuckets);
/** Entry of the parent's bucket that would move into this bucket. */
const queueEntries = new Int32Array(searchBuckets);

/** Empties one entry of one of two full buckets; returns bucket · 4 + entry, or -1 when no path was found. */
export function makeRoom(buckets: Buckets, firstBucket: number, secondBucket: number): number {
  const { pages, mask, splitCount, seedA, seedB, seedC } = buckets;
  let count = 0;
  queueBuckets[count] = firstBucket;
  queueParents[count++] = -1;
  if (secondBucket !== firstBucket) {
    queueBuckets[count] = secondBucket;
    queueParents[count++] = -1;
  }
  for (let node = 0; node < count; node++) {
    const bucket = queueBuckets[node]!;
    const page = pageOf(pages, bucket);
    const base = baseOf(bucket);
    for (let entry = 0; entry < entriesPerBucket && count < searchBuckets; entry++) {
      const low = page[base + entry]!;
      const high = page[base + highWord + entry]!;
      const folded = feistelRound(high, low, seedA);
      const hash = feistelRound(low, folded, seedB);
      const second = bucketOf(hash, mask, splitCount);
      const first = bucketOf(feistelRound(folded, hash, seedC), mask, splitCount);
      const other = first === bucket ? second : first;
      queueBuckets[count] = other;
      queueParents[count] = node;
      queueEntries[count] = entry;
      if (!buckets.isFull(other)) return moveAlongPath(buckets, count, buckets.emptyEntry(other));
      count++;
    }
  }
  return -1;
}

/**
 * Moves from the empty end backwards, so that every entry stays in one of its buckets at each step. `node` has the
 * bucket with the empty entry.
 */
function moveAlongPath(buckets: Buckets, node: number, emptyEntry: number): number {
  let targetBucket = queueBuckets[node]!;
  let targetEntry = emptyEntry;
  for (let at = node; queueParents[at]! >= 0; at = queueParents[at]!) {
    const bucket = queueBuckets[queueParents[at]!]!;
    const entry = queueEntries[at]!;
    buckets.move(bucket, entry, targetBucket, targetEntry);
    targetBucket = bucket;
    targetEntry = entry;
  }
  return targetBucket * entriesPerBucket + targetEntry;
}
