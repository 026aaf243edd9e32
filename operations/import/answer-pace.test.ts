import { describe, expect, test } from '@jest/globals';
import { AnswerPace } from './answer-pace.js';

/** So long a late answer is in what is told of the last seconds. */
const rememberedMs = 6_000;

/** A machine that answers in time as long as no more than so many events a second come in; somebody asks from a minute on. */
function run(perSecond: number, room: number, seconds = 240) {
  const pace = new AnswerPace(1_000);
  let [sent, late, inSecond, before, lateMs] = [0, 0, 0, 0, -Infinity];
  for (let nowMs = 0; nowMs < 1_000 * seconds; nowMs += 10) {
    const isAsked = nowMs >= 60_000;
    if (nowMs % 1_000 === 0 && nowMs > 0) {
      const isLate = isAsked && inSecond > room;
      if (isLate) lateMs = nowMs;
      const p99Ms = nowMs - lateMs < rememberedMs ? 900 : 20;
      pace.heard(isAsked ? p99Ms : null, inSecond, nowMs);
      if (isLate && nowMs > 500 * seconds) late++;
      inSecond = 0;
    }
    while (pace.waitMs(nowMs) <= 0 && inSecond < perSecond) {
      pace.sent(20, nowMs);
      inSecond += 20;
      if (!isAsked) before += 20;
      else if (nowMs > 500 * seconds) sent += 20;
    }
  }
  const half = 0.5 * seconds;
  return { before: before / 60, perSecond: sent / half, late: late / half };
}

describe('the pace of an import beside requests', () => {
  test('is not held back while nobody asks, nor for long where answers are in time', () => {
    const { before, perSecond, late } = run(2_000, Infinity);
    expect([before > 1_900, perSecond > 1_900, late]).toEqual([true, true, 0]);
  });

  test('leaves those who answer what they need, and takes most of the rest', () => {
    const { perSecond, late } = run(4_000, 1_200);
    expect(perSecond).toBeGreaterThan(700);
    expect(perSecond).toBeLessThan(1_200);
    // A second of twenty and more.
    expect(late).toBeLessThan(0.08);
  });

  test('goes on slowly where answers are late whatever it does', () => {
    const { perSecond } = run(1_000, -1);
    expect(perSecond).toBeGreaterThan(250);
    expect(perSecond).toBeLessThan(350);
  });

  test('begins low with the first who asks, and is not held back once nobody does', () => {
    const pace = new AnswerPace(1_000);
    expect(pace.cap).toBe(Infinity);
    pace.heard(20, 8_000, 1_000);
    expect(pace.cap).toBe(600);
    // Of what was on its way before.
    pace.heard(900, 8_000, 8_000);
    expect(pace.cap).toBe(600);
    pace.heard(900, 600, 11_000);
    expect(pace.cap).toBe(300);
    // Neither late nor calm.
    pace.heard(80, 300, 16_000);
    expect(pace.cap).toBe(300);
    pace.heard(null, 300, 17_000);
    expect(pace.cap).toBe(Infinity);
  });
});
