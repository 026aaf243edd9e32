import { expect, test } from '@jest/globals';
import { newerThan, snapshotId } from './snapshot-store.js';

test('a snapshot is newer than all before it, also by a clock that is behind', () => {
  const newest = snapshotId(5_000, 3);
  expect(newerThan(undefined, snapshotId(1_000))).toBe(snapshotId(1_000));
  expect(newerThan(newest, snapshotId(6_000, 2))).toBe(snapshotId(6_000, 2));
  for (const behind of [snapshotId(1_000, 9), snapshotId(5_000, 2), newest]) {
    expect(newerThan(newest, behind) > newest).toBe(true);
  }
});
