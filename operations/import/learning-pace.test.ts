import { describe, expect, test } from '@jest/globals';
import { LearningPace } from './learning-pace.js';

/** Somebody who learns so many a second, one piece after the other, on a way that takes so long besides. */
function run(perSecond: number, wayMs: number, isBeside: boolean, seconds = 60) {
  const pace = new LearningPace(0);
  const way: { events: number; sentMs: number; doneMs: number }[] = [];
  let [nowMs, freeMs, learned, waited] = [0, 0, 0, 0];
  for (; nowMs < 1_000 * seconds; nowMs += 10) {
    if (nowMs > 10_000 && nowMs % 1_000 === 0) pace.heard(isBeside, nowMs);
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
      const { share, waited, pace } = run(rate, way, true);
      expect(share).toBeGreaterThan(0.85);
      expect(waited).toBeLessThan(500 + way);
      expect(pace.batch).toBeLessThanOrEqual(256);
    },
  );

  test('goes back to what takes no longer than it must when fewer are learned', () => {
    expect(run(100, 60, true).pace.batch).toBeLessThan(100);
  });

  test.each([
    [1_000, 60],
    [8_000, 300],
  ])('alone, has as much on its way as %d a second learn in a second', (rate, way) => {
    const { share, waited, pace } = run(rate, way, false);
    expect(share).toBeGreaterThan(0.95);
    // A second, and what is sent at once.
    expect(waited + way).toBeLessThan(1_800);
    expect(pace.batch).toBeGreaterThan(Math.min(500, rate / 8));
  });

  test('does not think that more may be on its way than ever was', () => {
    const pace = new LearningPace(0);
    for (let nowMs = 100; nowMs < 20_000; nowMs += 100) {
      pace.sent(100);
      pace.learned(100, 60, nowMs);
    }
    let sent = 0;
    for (; pace.hasRoom; sent += 64) pace.sent(64);
    expect(sent).toBeLessThan(512);
  });

  test('has less on its way with the first who comes, until nobody has come for some seconds', () => {
    const { pace } = run(8_000, 100, false);
    expect(pace.batch).toBe(512);
    pace.heard(true, 60_000);
    expect(pace.batch).toBe(256);
    expect(pace.hasRoom).toBe(false);
    pace.heard(false, 64_000);
    expect(pace.batch).toBe(256);
    pace.heard(false, 66_000);
    expect(pace.batch).toBeGreaterThan(256);
  });
});
