import { expect, test } from '@jest/globals';
import { judgementOf, judgedSum } from './judged-scores.js';
import { JudgedWindow, withinUsersOf } from './judged-window.js';

test('a window is of its newest rows, and forgets what was before', () => {
  const window = new JudgedWindow(800);
  for (let i = 0; i < 2_000; i++) window.add(i % 2 ? -2 : 2, i % 2, 1, i % 7);
  expect(judgementOf(window.counts).auc).toBe(0);
  for (let i = 0; i < 900; i++) window.add(i % 2 ? 2 : -2, i % 2, 1, i % 7);
  const { auc, happened, drawn } = judgementOf(window.counts);
  expect(auc).toBe(1);
  expect(happened + drawn).toBeGreaterThanOrEqual(600);
  expect(happened + drawn).toBeLessThanOrEqual(800);
});

test('users are judged each by himself, whoever counts which of their rows', () => {
  // Who clicks much scores high; within each user the order is the wrong way round.
  const windows = [new JudgedWindow(1_000), new JudgedWindow(1_000)];
  for (let i = 0; i < 400; i++) {
    const user = i % 4;
    const label = (i >> 2) % 10 < 3 * user ? 1 : 0;
    windows[(i >> 6) % 2]!.add(3 * user - label, label, 1, user);
  }
  const counts = windows.map((each) => each.counts).reduce(judgedSum);
  expect(withinUsersOf(counts)).toBe(0);
  expect(judgementOf(counts).auc).toBeGreaterThan(0.6);
  expect(withinUsersOf(new JudgedWindow(8).counts)).toBeNaN();
});
