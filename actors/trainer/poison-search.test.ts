import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../core/base/runs.testkit.js';
import { poisonAmong } from './poison-search.js';

describe('the search for poison', () => {
  test('finds all rows that are, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(999), { maxLength: 8 }),
        fc.integer({ min: 1, max: 1000 }),
        async (drawn, count) => {
          const poison = new Set(drawn.filter((row) => row < count));
          let looks = 0;
          const found = await poisonAmong(count, async (rows) => {
            looks++;
            return rows.some((row) => poison.has(row));
          });
          expect(found).toEqual([...poison].sort((a, b) => a - b));
          expect(looks).toBeLessThanOrEqual(1 + 2 * poison.size * (1 + Math.log2(count)));
        },
      ),
      { numRuns: runs(50) },
    );
  });

  test('gives up the smallest part that is poison only as a whole', async () => {
    const found = await poisonAmong(8, async (rows) => rows.includes(4) && rows.includes(7));
    expect(found).toEqual([4, 5, 6, 7]);
  });

  test('gives up all where too many are', async () => {
    let looks = 0;
    const found = await poisonAmong(5_000, async () => ++looks > 0);
    expect(found).toHaveLength(5_000);
    expect(looks).toBeLessThan(1_000);
  });
});
