import { describe, expect, test } from '@jest/globals';
import { correctedProbability, sigmoid } from './calibration.js';
import { RunningQuality } from './metrics.js';

describe('sigmoid', () => {
  test('is exact in the middle and does not overflow at the ends', () => {
    expect(sigmoid(0)).toBe(0.5);
    expect(sigmoid(2) + sigmoid(-2)).toBeCloseTo(1, 15);
    expect(sigmoid(1000)).toBe(1);
    expect(sigmoid(-1000)).toBe(0);
  });
});

describe('correction for negative sampling', () => {
  test('changes nothing when every negative is kept', () => {
    expect(correctedProbability(0.7, 1)).toBe(sigmoid(0.7));
  });

  test.each([0.5, 0.1, 0.01])('gives back the true probability at rate %p', (rate) => {
    for (const p of [0.001, 0.02, 0.3, 0.9]) {
      const sampled = p / (p + (1 - p) * rate);
      const logit = Math.log(sampled / (1 - sampled));
      expect(correctedProbability(logit, rate)).toBeCloseTo(p, 12);
    }
  });

  test('calibrates a model that learned the sampled odds, and without it the model is off by far', () => {
    const rate = 0.1;
    const corrected = new RunningQuality();
    const uncorrected = new RunningQuality();
    for (let i = 0; i < 10_000; i++) {
      // 5 % of the events are positive; what a converged model learned is the logit of the sampled stream.
      const label = i % 20 === 0 ? 1 : 0;
      const logit = Math.log(0.05 / (0.95 * rate));
      corrected.add(correctedProbability(logit, rate), label);
      uncorrected.add(sigmoid(logit), label);
    }
    expect(corrected.calibration).toBeCloseTo(1, 6);
    expect(uncorrected.calibration).toBeGreaterThan(6);
  });
});
