import { describe, expect, test } from '@jest/globals';
import { scatterShare, splitEvenly } from './partition-map.js';

const partitionCount = 8;
const rows = 800;
const plan = {
  partitionCount,
  slotCount: 1,
  counts: new Uint32Array(partitionCount).fill(rows / partitionCount),
  fids: Uint32Array.from({ length: 2 * rows }, (_, i) => i),
};

describe('rows that are asked of serving shards', () => {
  test('are one request to each shard where that fits', () => {
    const shares = splitEvenly(plan, { shardCount: 2, rowsMax: 10_000 });
    expect(shares.map(({ shard, partitions }) => [shard, [...partitions]])).toEqual([
      [0, [0, 2, 4, 6]],
      [1, [1, 3, 5, 7]],
    ]);
  });

  test.each([1, 2, 3])(
    'are several requests to each of %i shards where it does not',
    (shardCount) => {
      const rowsMax = 200;
      const shares = splitEvenly(plan, { shardCount, rowsMax });
      const filled = new Float32Array(rows);
      for (const share of shares) {
        const { shard, partitions, fids } = share;
        expect(fids.length / 2).toBeLessThanOrEqual(rowsMax);
        for (const partition of partitions) expect(partition % shardCount).toBe(shard);
        scatterShare(share, new Float32Array(fids.length / 2).fill(1), filled, 1);
      }
      expect(shares.length).toBeGreaterThan(shardCount);
      expect([...filled]).toEqual(new Array<number>(rows).fill(1));
    },
  );
});
