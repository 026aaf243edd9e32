import { describe, expect, test } from '@jest/globals';
import { Deadline } from './deadline.js';

describe('a deadline', () => {
  test('gives parts of what is left, and no more than can be needed', () => {
    let nowMs = 1_000;
    const deadline = new Deadline({ nowMs: () => nowMs }, 400);
    expect(deadline.share(1 / 2)).toBe(200);
    expect(deadline.share(1 / 2, 150)).toBe(150);
    nowMs += 300;
    expect([deadline.leftMs, deadline.share(1 / 2, 150)]).toEqual([100, 50]);
  });

  test('is over when its time is, and gives what may still be tried', () => {
    let nowMs = 0;
    const deadline = new Deadline({ nowMs: () => nowMs }, 50);
    deadline.require('work');
    nowMs = 50;
    expect(() => deadline.require('work')).toThrow(expect.objectContaining({ code: 'TIMEOUT' }));
    nowMs = 80;
    expect([deadline.leftMs, deadline.share(1)]).toEqual([-30, 1]);
  });
});
