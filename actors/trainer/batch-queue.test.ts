import { expect, test } from '@jest/globals';
import type { Samples } from '../../messages/samples.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import { BatchQueue } from './batch-queue.js';

const batch = (sequence: number, rows: number) => ({
  message: { sequence } as WorkMessage,
  samples: { items: new Array<string>(rows).fill('i') } as unknown as Samples,
});

/** Rows of each group, until nothing waits. */
function groupsOf(queue: BatchQueue): number[] {
  const groups: number[] = [];
  for (let group = queue.takeWaiting(); group; group = queue.takeWaiting())
    groups.push(group.reduce((sum, { samples }) => sum + samples.items.length, 0));
  return groups;
}

test('steps are full, and larger only while more than four of them wait', () => {
  const queue = new BatchQueue(10, 30);
  for (let i = 1; i <= 8; i++) queue.put(batch(i, 5));
  expect(groupsOf(queue)).toEqual([10, 10, 10, 10]);
  for (let i = 1; i <= 20; i++) queue.put(batch(i, 5));
  expect(groupsOf(queue)).toEqual([30, 30, 10, 10, 10, 10]);
});

test('a batch that is larger than a step is one, and one that comes again counts once', () => {
  const queue = new BatchQueue(10, 30);
  for (let i = 0; i < 30; i++) queue.put(batch(1, 25));
  queue.put(batch(2, 1));
  expect(groupsOf(queue)).toEqual([25, 1]);
  expect(queue.close()).toEqual([]);
});
