import { expect, test } from '@jest/globals';
import { batchIdOf, logsMax, sequencesPerLog } from './batch-id.js';
import { IntervalSet } from './interval-set.js';

test('the id of a batch is its sequence in the first log, and tells both in any other', () => {
  expect(batchIdOf(0, 12_345)).toBe(12_345);
  for (const [log, sequence] of [
    [0, 1],
    [3, 7],
    [logsMax - 1, sequencesPerLog - 1],
  ] as const) {
    const id = batchIdOf(log, sequence);
    expect(Number.isSafeInteger(id)).toBe(true);
    expect([Math.floor(id / sequencesPerLog), id % sequencesPerLog]).toEqual([log, sequence]);
  }
});

test('what does not fit is no id', () => {
  for (const [log, sequence] of [
    [logsMax, 1],
    [-1, 1],
    [0, 0],
    [0, sequencesPerLog],
    [0.5, 1],
  ] as const)
    expect(() => batchIdOf(log, sequence)).toThrow();
});

test('one ledger holds batches of several logs, and comes back as it was', () => {
  const applied = new IntervalSet();
  for (const [log, sequence] of [
    [0, 1],
    [0, 2],
    [3, 1],
    [3, 2],
    [3, 5],
    [7, 4],
  ] as const)
    applied.add(batchIdOf(log, sequence));
  const read = IntervalSet.decode(applied.encode());
  expect(read.watermark).toBe(2);
  expect(read.has(batchIdOf(3, 2))).toBe(true);
  expect(read.has(batchIdOf(3, 3))).toBe(false);
  expect(read.has(batchIdOf(7, 1))).toBe(false);
  expect(read.encode()).toEqual(applied.encode());
});
