import { describe, expect, test } from '@jest/globals';
import type { ExampleBatch } from '../features/example-batch.js';
import { FeatureDrift, stabilityIndex } from './feature-drift.js';

const shape = {
  slots: [{ name: 'country', at: 1 }],
  columns: [{ name: 'price', at: 0, missingAt: 1 }],
};

let drawn = 7;
const next = (below: number): number => (drawn = (drawn * 48_271) % 2_147_483_647) % below;

/** Two slots, of which the second has one of so many countries, and a price; `missing`: of so many of a hundred there is none. */
function batchOf(rowCount: number, { countries = 8, factor = 1, missing = 5 } = {}): ExampleBatch {
  const offsets = new Uint32Array(2 * rowCount + 1);
  const fids = new Uint32Array(2 * rowCount);
  const dense = new Float32Array(2 * rowCount);
  for (let row = 0; row < rowCount; row++) {
    offsets[2 * row + 1] = row;
    offsets[2 * row + 2] = row + 1;
    fids[2 * row] = 1 + next(countries);
    const isMissing = next(100) < missing;
    dense.set(isMissing ? [0, 1] : [factor * (1 + next(1000)), 0], 2 * row);
  }
  return { rowCount, slotCount: 2, denseCount: 2, offsets, fids, dense };
}

function after(
  change: Parameters<typeof batchOf>[1],
  rows = 5_000,
): Readonly<Record<string, number>> {
  const drift = new FeatureDrift(shape);
  for (let i = 0; i < 20; i++) drift.add(batchOf(1_000));
  drift.add(batchOf(rows, change));
  return drift.index;
}

describe('the drift of features', () => {
  test('is next to nothing where nothing has changed, and says nothing before it can know', () => {
    const drift = new FeatureDrift(shape);
    for (let i = 0; i < 14; i++) drift.add(batchOf(1_000));
    expect(drift.index).toEqual({});
    const { country, price } = after({});
    expect(country).toBeLessThan(0.02);
    expect(price).toBeLessThan(0.02);
  });

  test('tells which feature is another: its unit, what it is filled with, and that it is not filled', () => {
    expect(after({ factor: 100 })['price']).toBeGreaterThan(1);
    expect(after({ factor: 1 / 100 })['price']).toBeGreaterThan(1);
    expect(after({ missing: 60 })['price']).toBeGreaterThan(0.25);
    const { country, price } = after({ countries: 1 });
    expect(country).toBeGreaterThan(1);
    expect(price).toBeLessThan(0.02);
  });

  test('takes what stays for usual, after some windows', () => {
    const drift = new FeatureDrift(shape);
    for (let i = 0; i < 20; i++) drift.add(batchOf(1_000));
    const seen = Array.from({ length: 20 }, () => {
      drift.add(batchOf(5_000, { countries: 3 }));
      return drift.index['country']!;
    });
    expect(seen[0]).toBeGreaterThan(0.25);
    expect(seen.at(-1)).toBeLessThan(0.1);
  });

  test('is of histograms that need not be as long, and 0 of the same', () => {
    expect(stabilityIndex([10, 30], [1, 3])).toBeCloseTo(0, 12);
    expect(stabilityIndex([30, 10], [1, 3])).toBeCloseTo(stabilityIndex([1, 3], [3, 1]), 12);
    expect(stabilityIndex([0, 0], [1, 3])).toBe(0);
  });
});
