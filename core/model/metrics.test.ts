import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { auc, logloss, RunningQuality } from './metrics.js';

/** The definition: share of (positive, negative) pairs in the right order, ties as half. */
function pairwiseAuc(scores: number[], labels: number[]): number {
  let right = 0;
  let pairs = 0;
  for (let i = 0; i < scores.length; i++) {
    for (let j = 0; j < scores.length; j++) {
      if (labels[i] !== 1 || labels[j] === 1) continue;
      pairs++;
      if (scores[i]! > scores[j]!) right += 1;
      else if (scores[i] === scores[j]) right += 0.5;
    }
  }
  return right / pairs;
}

describe('auc', () => {
  test('is the share of ordered pairs, for any scores with ties', () => {
    const examples = fc.array(
      fc.record({ score: fc.integer({ min: -4, max: 4 }), label: fc.integer({ min: 0, max: 1 }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(examples, (list) => {
        const scores = list.map((e) => e.score / 3);
        const labels = list.map((e) => e.label);
        const expected = pairwiseAuc(scores, labels);
        const actual = auc(scores, labels);
        if (Number.isNaN(expected)) expect(actual).toBeNaN();
        else expect(actual).toBeCloseTo(expected, 12);
      }),
    );
  });

  test('is 1, 0 and one half for perfect, reversed and equal scores', () => {
    const labels = [0, 0, 1, 1];
    expect(auc([1, 2, 3, 4], labels)).toBe(1);
    expect(auc([4, 3, 2, 1], labels)).toBe(0);
    expect(auc([7, 7, 7, 7], labels)).toBe(0.5);
  });

  test('is not a number where one class is missing', () => {
    expect(auc([1, 2], [1, 1])).toBeNaN();
    expect(auc([], [])).toBeNaN();
  });

  test('refuses scores and labels of different lengths', () => {
    expect(() => auc([1], [])).toThrow('1 scores for 0 labels');
  });
});

describe('running quality', () => {
  test('means the losses and compares predictions with labels', () => {
    const quality = new RunningQuality();
    const predictions: [number, number][] = [
      [0.9, 1],
      [0.5, 0],
      [0.2, 1],
    ];
    for (const [p, y] of predictions) quality.add(p, y);
    expect(quality.count).toBe(3);
    expect(quality.logloss).toBeCloseTo(-(Math.log(0.9) + Math.log(0.5) + Math.log(0.2)) / 3, 12);
    expect(quality.positiveRate).toBeCloseTo(2 / 3, 12);
    expect(quality.calibration).toBeCloseTo(1.6 / 2, 12);
  });

  test('bounds the price of a confident mistake', () => {
    expect(logloss(0, 1)).toBeCloseTo(-Math.log(1e-7), 6);
    expect(logloss(1, 0)).toBeCloseTo(-Math.log(1e-7), 6);
  });
});
