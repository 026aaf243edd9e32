import { describe, expect, test } from '@jest/globals';
import { AnswerPace } from './answer-pace.js';

/** A machine that answers in time as long as no more than so many events a second come in. */
function run(perSecond: number, room: number, seconds = 120) {
  const pace = new AnswerPace(1_000);
  let [sent, late, inSecond] = [0, 0, 0];
  for (let nowMs = 0; nowMs < 1_000 * seconds; nowMs += 10) {
    if (nowMs % 1_000 === 0 && nowMs > 0) {
      const isLate = inSecond > room;
      pace.heard(isLate ? 900 : 40, inSecond);
      if (isLate && nowMs > 500 * seconds) late++;
      inSecond = 0;
    }
    while (pace.hasRoom(nowMs) && inSecond < perSecond) {
      pace.sent(20, nowMs);
      inSecond += 20;
      if (nowMs > 500 * seconds) sent += 20;
    }
  }
  return { perSecond: sent / (0.5 * seconds), late: late / (0.5 * seconds) };
}

describe('the pace of an import beside requests', () => {
  test('is not held back where answers are in time', () => {
    const { perSecond, late } = run(1_000, Infinity);
    expect([perSecond > 950, late]).toEqual([true, 0]);
  });

  test('leaves those who answer what they need, and takes most of the rest', () => {
    const { perSecond, late } = run(2_000, 1_000);
    expect(perSecond).toBeGreaterThan(500);
    expect(late).toBeLessThan(0.4);
  });

  test('goes on slowly where answers are late whatever it does', () => {
    const { perSecond } = run(1_000, -1);
    expect(perSecond).toBeGreaterThan(250);
    expect(perSecond).toBeLessThan(350);
  });

  test('is not held back by those who ask nothing', () => {
    const pace = new AnswerPace(1_000);
    pace.heard(500, 800);
    expect(pace.cap).toBeCloseTo(480);
    for (let i = 0; i < 10; i++) pace.heard(null, 800);
    expect(pace.cap).toBe(Infinity);
  });
});
