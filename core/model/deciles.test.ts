import { describe, expect, test } from '@jest/globals';
import { calibrationByDecile } from './deciles.js';

describe('calibration by decile', () => {
  test('is of tenths by score, lowest first', () => {
    const scores = Float32Array.from({ length: 100 }, (_row, i) => ((i * 37) % 100) / 100);
    const labels = scores.map((score) => (score >= 0.5 ? 1 : 0));
    const deciles = calibrationByDecile({ scores, labels });
    expect(deciles).toHaveLength(10);
    expect(deciles.map(({ weight }) => weight)).toEqual(new Array(10).fill(10));
    expect(deciles[0]).toMatchObject({ rate: 0, ratio: Infinity });
    expect(deciles[9]!.meanScore).toBeCloseTo(0.945);
    expect(deciles[9]!.ratio).toBeCloseTo(0.945);
  });

  test('finds what a mean over all hides', () => {
    const scores = [0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8];
    const labels = [0, 1, 0, 1, 0, 1, 0, 1];
    const deciles = calibrationByDecile({ scores, labels });
    expect(deciles.at(0)!.meanScore).toBeCloseTo(0.2);
    expect(deciles.at(-1)!.meanScore).toBeCloseTo(0.8);
  });

  test('counts rows by their weights', () => {
    const weights = [1, 3];
    const [one, other] = calibrationByDecile({ scores: [0.1, 0.9], labels: [0, 1], weights });
    expect(one).toMatchObject({ weight: 1, rate: 0 });
    expect(other).toMatchObject({ weight: 3, rate: 1, ratio: 0.9 });
  });

  test('of nothing is nothing', () => {
    expect(calibrationByDecile({ scores: [], labels: [] })).toEqual([]);
  });
});
