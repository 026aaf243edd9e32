import { describe, expect, test } from '@jest/globals';
import { recordsWorthASnapshot, retentionOf } from './manifests.js';

const snapshotOf = (...rows: number[]) => ({ objects: rows.map((count) => ({ rows: count })) });

describe('records behind the newest snapshot until the next is due', () => {
  test('are those of the configuration while tables are small, or nothing was saved yet', () => {
    expect(recordsWorthASnapshot(undefined, 20_000)).toBe(20_000);
    expect(recordsWorthASnapshot(snapshotOf(600_000, 600_000), 20_000)).toBe(20_000);
  });

  test('grow with the rows that a recovery reads anyway', () => {
    expect(recordsWorthASnapshot(snapshotOf(4_000_000, 6_000_000), 20_000)).toBeCloseTo(142_857, 0);
  });
});

describe('what stays of snapshots and of their log', () => {
  const needs = (sequence: number): number => sequence;

  test('is what any of those needs that are kept, in whatever order they were ended', () => {
    expect(retentionOf([90, 70, 50, 30], 2, needs)).toEqual({ gone: [50, 30], beforeSequence: 70 });
    expect(retentionOf([70, 90, 50], 2, needs)).toEqual({ gone: [50], beforeSequence: 70 });
  });

  test('is all as long as there are fewer than wanted', () => {
    expect(retentionOf([90], 2, needs)).toEqual({ gone: [], beforeSequence: 0 });
  });
});
