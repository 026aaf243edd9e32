import { describe, expect, test } from '@jest/globals';
import { recordsWorthASnapshot } from './manifests.js';

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
