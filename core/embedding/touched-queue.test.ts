import { describe, expect, test } from '@jest/globals';
import { TouchedQueue } from './touched-queue.js';

function take(queue: TouchedQueue, limit = 100): number[] {
  const rows = new Int32Array(limit);
  return [...rows.subarray(0, queue.take(rows, limit))];
}

function makeQueue(): TouchedQueue {
  const marks = new Uint8Array(10_000);
  return new TouchedQueue({
    rowEnd: marks.length,
    markOf: (row) => marks[row]!,
    setMark: (row, mark) => (marks[row] = mark),
  });
}

describe('TouchedQueue', () => {
  test('gives each marked row once, in order, and forgets it', () => {
    const queue = makeQueue();
    for (const row of [5, 1, 5, 900, 1]) queue.mark(row);
    expect(queue.count).toBe(3);
    expect(take(queue, 2)).toEqual([5, 1]);
    queue.mark(5);
    expect(take(queue)).toEqual([900, 5]);
    expect(take(queue)).toEqual([]);
  });

  test('an unmarked row is skipped, and keeps its place if it is marked again', () => {
    const queue = makeQueue();
    for (const row of [1, 2, 3]) queue.mark(row);
    queue.unmark(1);
    queue.unmark(2);
    queue.unmark(7777);
    queue.mark(1);
    expect(queue.count).toBe(2);
    queue.verify((row) => row === 1 || row === 3);
    expect(() => queue.verify((row) => row === 3)).toThrow('a marked row is live');
    expect(take(queue)).toEqual([1, 3]);
  });

  test('marking and unmarking for ever takes no more memory', () => {
    const queue = makeQueue();
    const { bytes } = queue;
    for (let i = 0; i < 10_000; i++) {
      queue.mark(i % 4);
      queue.unmark(i % 4);
      if (i % 3 === 0) queue.mark(8);
      if (i % 100 === 0) take(queue, 1);
    }
    expect(queue.bytes).toBe(bytes);
  });
});
