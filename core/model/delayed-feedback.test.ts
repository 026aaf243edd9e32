import { describe, expect, test } from '@jest/globals';
import { DelayedFeedback } from './delayed-feedback.js';

let drawn = 5;
const next = (): number => (drawn = (drawn * 48_271) % 2_147_483_647) / 2_147_483_647;

/** A rate learned by gradient steps of single samples, of a stream that tells early. @param late share of positives. */
function learned(rate: number, late: number, isWeighed: boolean): number {
  const delayed = new DelayedFeedback([true]);
  let logit = -1;
  let sum = 0;
  const steps = 60_000;
  const learn = (label: number, isLate: boolean): void => {
    const rows = {
      labels: Float32Array.of(label),
      weights: Float32Array.of(1),
      counts: () => true,
    };
    const weight = isWeighed ? delayed.weigh(rows, () => logit)[0]! : 1;
    logit -= 0.02 * weight * (1 / (1 + Math.exp(-logit)) - label);
    delayed.observe(rows, () => isLate);
  };
  for (let i = 0; i < steps; i++) {
    const [happens, isLate] = [next() < rate, next() < late];
    if (happens && !isLate) learn(1, false);
    else {
      learn(0, false);
      if (happens) learn(1, true);
    }
    if (i >= steps / 2) sum += 1 / (1 + Math.exp(-logit));
  }
  return sum / (steps / 2);
}

describe('outcomes that are told early', () => {
  test.each([
    [0.3, 1],
    [0.3, 0.5],
    [0.1, 0.8],
    [0.6, 0.3],
  ])('are learned as the rate of the whole window: %d, of which %d comes late', (rate, late) => {
    expect(learned(rate, late, true) / rate).toBeCloseTo(1, 1);
    // What it would be: f / (1 + d·f).
    const naive = rate / (1 + late * rate);
    expect(learned(rate, late, false) / naive).toBeCloseTo(1, 1);
  });

  test('are weighed alone, and only where they were shown', () => {
    const delayed = new DelayedFeedback([false, true]);
    const rows = {
      labels: Float32Array.of(1, 1, 0, 0, 0, 0),
      weights: Float32Array.of(2, 2, 2, 2, 2, 0),
      counts: (row: number) => row !== 1,
    };
    expect([...delayed.weigh(rows, () => 0)]).toEqual([2, 2.5, 2, 2, 2, 0]);
    expect(delayed.concerns(rows)).toBe(true);
    expect(delayed.concerns({ ...rows, counts: () => false })).toBe(false);
    expect(new DelayedFeedback([false, false]).concerns(rows)).toBe(false);
  });

  test('as all are told early, weights are those of the paper', () => {
    const delayed = new DelayedFeedback([true]);
    const one = { labels: Float32Array.of(1), weights: Float32Array.of(1), counts: () => true };
    for (let i = 0; i < 5_000; i++) delayed.observe(one, () => true);
    const two = { ...one, labels: Float32Array.of(1, 0), weights: Float32Array.of(1, 1) };
    const [positive, negative] = delayed.weigh(two, () => Math.log(0.25 / 0.75));
    expect(positive).toBeCloseTo(1.25, 3);
    expect(negative).toBeCloseTo(0.75 * 1.25, 3);
  });
});
