import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { balance, followersOf } from './ownership-plan.js';

const cases = fc
  .record({
    partitions: fc.integer({ min: 1, max: 64 }),
    before: fc.integer({ min: 1, max: 12 }),
    after: fc.integer({ min: 1, max: 12 }),
    standby: fc.integer({ min: 0, max: 1 }),
    seed: fc.array(fc.nat(), { minLength: 64, maxLength: 64 }),
  })
  .map(({ partitions, before, after, standby, seed }) => ({
    owners: Array.from({ length: partitions }, (_unused, p) => seed[p]! % before),
    shards: Array.from({ length: Math.min(after, partitions) }, (_unused, i) => i),
    standby,
  }));

describe('a balanced assignment', () => {
  test('gives each shard its even share', () => {
    fc.assert(
      fc.property(cases, ({ owners, shards, standby }) => {
        const assignments = balance(owners, shards, standby);
        const counts = shards.map(
          (shard) => assignments.filter(({ owner }) => owner === shard).length,
        );
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(owners.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('moves no more than it must', () => {
    fc.assert(
      fc.property(cases, ({ owners, shards, standby }) => {
        const assignments = balance(owners, shards, standby);
        const moves = assignments.filter(({ owner }, p) => owner !== owners[p]).length;
        const held = shards.map((shard) => owners.filter((owner) => owner === shard).length);
        const even = Math.floor(owners.length / shards.length);
        // Each shard keeps at most its share, and shares that are one larger go to those that hold most.
        const larger = owners.length % shards.length;
        const kept = held
          .sort((a, b) => b - a)
          .reduce((sum, count, i) => sum + Math.min(count, even + (i < larger ? 1 : 0)), 0);
        expect(moves).toBe(owners.length - kept);
        expect(
          balance(
            assignments.map(({ owner }) => owner),
            shards,
            standby,
          ),
        ).toEqual(assignments);
      }),
    );
  });

  test('keeps the copy of a partition on another shard than its owner', () => {
    fc.assert(
      fc.property(cases, ({ owners, shards, standby }) => {
        for (const { owner, followers } of balance(owners, shards, standby)) {
          expect(followers).not.toContain(owner);
          expect(followers).toHaveLength(Math.min(standby, shards.length - 1));
        }
      }),
    );
  });
});

test('followers are the next shards of the ring', () => {
  expect(followersOf(2, [0, 1, 2], 1)).toEqual([0]);
  expect(followersOf(0, [0, 1, 2], 1)).toEqual([1]);
  expect(followersOf(0, [0], 1)).toEqual([]);
});
