import { describe, expect, test } from '@jest/globals';
import { LearningPace } from './learning-pace.js';

/** Somebody who learns so many a second, one piece after the other, on a way that takes so long besides. */
function run(perSecond: number, wayMs: number, seconds = 60) {
  const pace = new LearningPace(0);
  const way: { events: number; sentMs: number; doneMs: number }[] = [];
  let [nowMs, freeMs, learned, waited] = [0, 0, 0, 0];
  for (; nowMs < 1_000 * seconds; nowMs += 10) {
    while (pace.hasRoom) {
      const events = pace.batch;
      freeMs = Math.max(freeMs, nowMs) + (1_000 * events) / perSecond;
      way.push({ events, sentMs: nowMs, doneMs: freeMs + wayMs });
      pace.sent(events);
    }
    // What something live would wait behind, in the second half.
    if (nowMs > 500 * seconds) waited = Math.max(waited, freeMs - nowMs);
    while (way[0] && way[0].doneMs <= nowMs) {
      const { events, sentMs } = way.shift()!;
      pace.learned(events, nowMs - sentMs, nowMs);
      if (nowMs > 500 * seconds) learned += events;
    }
  }
  return { share: learned / (0.5 * seconds * perSecond), waited, pace };
}

describe('the pace of an import', () => {
  test.each([
    [1_000, 60],
    [3_000, 100],
    [1_000, 800],
    [5_000, 400],
  ])(
    'keeps who learns %d a second busy over a way of %d ms, and no queue before him',
    (rate, way) => {
      const { share, waited } = run(rate, way);
      expect(share).toBeGreaterThan(0.85);
      expect(waited).toBeLessThan(500 + way);
    },
  );

  test('goes back to what takes no longer than it must when fewer are learned', () => {
    expect(run(100, 60).pace.batch).toBe(64);
  });
});
