import { expect, test } from '@jest/globals';
import { parseClusterConfig } from '../config/schema.js';
import { configWith } from '../config/settings.js';
import { initialCalibration } from '../model/score-calibration.js';
import { scoresOf, scoringOf } from './scoring.js';

const base = {
  features: { item: { entity: 'item', kind: 'id' } },
  events: { view: {}, cart: {}, purchase: {} },
};
const half = 0;
const third = Math.log(1 / 2);

test('one outcome is its own score', () => {
  const scoring = scoringOf(parseClusterConfig(base));
  expect(scoring).toMatchObject({ outcomes: ['click'], given: [-1], weights: [1] });
  const { scores, predictions } = scoresOf(Float32Array.of(half, third), scoring);
  expect([...scores].map((score) => score.toFixed(4))).toEqual(['0.5000', '0.3333']);
  expect(predictions).toEqual({});
});

test('chances are calibrated by what was learned of each, and values are not', () => {
  const outcomes = {
    view: { from: ['view'] },
    spent: { from: ['purchase'], predict: 'value' },
    purchase: {},
  } as const;
  const scoring = scoringOf(parseClusterConfig({ ...base, outcomes, score: { view: 1 } }));
  const none = initialCalibration(3);
  const logits = Float32Array.of(third, 2, third);
  const before = scoresOf(logits, scoring, none).predictions;
  expect(before).toEqual(scoresOf(logits, scoring).predictions);
  // Of the last head half of what it says, after as many rows as it takes.
  const learned = none.slice();
  learned.set([1, 1, -Math.log(2)], 20);
  learned[29] = 1e6;
  const { predictions } = scoresOf(logits, scoring, learned);
  expect(predictions['view']).toEqual(before['view']);
  expect(predictions['spent']).toEqual(before['spent']);
  expect(predictions['purchase']![0]).toBeCloseTo(1 / 5, 6);
  // At first it counts for nothing.
  learned[29] = 0;
  expect(scoresOf(logits, scoring, learned).predictions).toEqual(before);
});

test('several are weighed, and what is given is times what it is given by', () => {
  const scoring = scoringOf(
    parseClusterConfig({
      ...base,
      outcomes: { view: { from: ['view', 'cart', 'purchase'] }, purchase: { window: '7d' } },
      score: { view: 1, purchase: 20 },
    }),
  );
  expect(scoring).toMatchObject({ given: [-1, 0], weights: [1, 20] });
  const { scores, predictions } = scoresOf(Float32Array.of(half, third, third, half), scoring);
  expect([...predictions['view']!].map((p) => p.toFixed(4))).toEqual(['0.5000', '0.3333']);
  expect([...predictions['purchase']!].map((p) => p.toFixed(4))).toEqual(['0.1667', '0.1667']);
  expect([...scores].map((score) => score.toFixed(3))).toEqual(['3.833', '3.667']);
});

test('each is corrected for the negatives that were left out', () => {
  const scoring = scoringOf(
    parseClusterConfig({
      ...base,
      outcomes: { view: {}, cart: {} },
      joining: { negativeSamplingRate: 0.5 },
    }),
  );
  expect(scoring).toMatchObject({ given: [-1, -1], weights: [1, 0] });
  const { predictions } = scoresOf(Float32Array.of(half, third), scoring);
  expect(predictions['view']![0]).toBeCloseTo(1 / 3);
  expect(predictions['cart']![0]).toBeCloseTo(0.2);
});

test('a value is on its own scale, and given by a chance is what may be expected', () => {
  const outcomes = {
    view: {},
    spent: { from: ['purchase'], predict: 'value', given: 'view' },
    rating: { from: ['cart'], predict: 'value', transform: 'none' },
  };
  const config = parseClusterConfig({
    ...{ ...base, outcomes, score: { spent: 2, rating: 1 } },
    joining: { negativeSamplingRate: 0.5 },
  });
  const scoring = scoringOf(config);
  expect(scoring).toMatchObject({ given: [-1, 0, -1], values: [undefined, 'log1p', 'none'] });
  const { scores, predictions } = scoresOf(Float32Array.of(half, Math.log(10), -3), scoring);
  expect(predictions['view']![0]).toBeCloseTo(1 / 3);
  expect(predictions['spent']![0]).toBeCloseTo(3);
  expect(predictions['rating']![0]).toBe(-3);
  expect(scores[0]).toBeCloseTo(3);
});

test('weights are those of the settings, where there are some', () => {
  const config = parseClusterConfig({
    ...base,
    outcomes: { view: {}, purchase: { window: '7d' } },
    score: { view: 1 },
  });
  expect(scoringOf(config)).toMatchObject({ weights: [1, 0], settingsVersion: 0 });
  const changed = configWith(config, { score: { purchase: 20 } });
  expect(scoringOf(changed, 3)).toMatchObject({ weights: [0, 20], settingsVersion: 3 });
});
