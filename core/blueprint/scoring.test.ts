import { expect, test } from '@jest/globals';
import { parseClusterConfig } from '../config/schema.js';
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
