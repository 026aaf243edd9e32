import fc from 'fast-check';
import type { Random } from '../base/random.js';

/** As a stream has them: few users, some equal scores, weights that differ. */
export interface Row {
  readonly score: number;
  readonly label: number;
  readonly weight: number;
  readonly user: number;
  readonly request: number;
}

const row = fc.record({
  score: fc.oneof(
    fc.integer({ min: 1, max: 9 }).map((tenth) => tenth / 10),
    fc.double({ min: 0.0001, max: 0.9999, noNaN: true }),
  ),
  label: fc.constantFrom(0, 1),
  weight: fc.constantFrom(0.5, 1, 3),
  user: fc.integer({ min: 0, max: 4 }),
});

/** Requests are of one user each. */
export const someRows: fc.Arbitrary<Row[]> = fc
  .array(fc.tuple(row, fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 40 })
  .map((rows) => rows.map(([each, n]) => ({ ...each, request: 3 * each.user + n })));

export function columnsOf(rows: readonly Row[]) {
  return {
    scores: rows.map(({ score }) => score),
    labels: rows.map(({ label }) => label),
    weights: rows.map(({ weight }) => weight),
    users: rows.map(({ user }) => user),
    requests: rows.map(({ request }) => request),
  };
}

/** The chance of Lehmer (1951): the same each time. */
export function sameChance(seed = 1): Pick<Random, 'next'> {
  let state = seed;
  return { next: () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647 };
}

export const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** All pairs, one by one. */
export function naiveAuc(rows: readonly Row[]): number {
  let [right, all] = [0, 0];
  for (const up of rows.filter(({ label }) => label === 1))
    for (const down of rows.filter(({ label }) => label === 0)) {
      const weight = up.weight * down.weight;
      all += weight;
      right += weight * (up.score > down.score ? 1 : up.score === down.score ? 0.5 : 0);
    }
  return right / all;
}

/** Precision and recall at each score that may be a threshold. */
export function naiveAveragePrecision(rows: readonly Row[]): number {
  const weight = (some: readonly Row[]): number => sumOf(some.map((each) => each.weight));
  const positives = rows.filter(({ label }) => label === 1);
  let [area, recallBefore] = [0, 0];
  for (const cut of [...new Set(rows.map(({ score }) => score))].sort((a, b) => b - a)) {
    const taken = rows.filter(({ score }) => score >= cut);
    const right = weight(taken.filter(({ label }) => label === 1));
    const recall = right / weight(positives);
    area += (recall - recallBefore) * (right / weight(taken));
    recallBefore = recall;
  }
  return positives.length === 0 ? NaN : area;
}
