import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { entropy, logloss } from '../model/metrics.js';
import { figures } from './bootstrap.js';
import {
  columnsOf,
  naiveAuc,
  naiveAveragePrecision,
  someRows,
  sumOf,
  type Row,
} from './evaluation.testkit.js';
import { Judge } from './quality.js';

const qualityOf = (rows: readonly Row[]) => new Judge(columnsOf(rows)).quality();
const digits = 9;

/** What can't be said is to be said by neither. */
function expectClose(value: number, expected: number): void {
  if (Number.isNaN(expected)) expect(value).toBeNaN();
  else expect(value).toBeCloseTo(expected, digits);
}

/** The mean over all orders that rows of equal score may have, of a list short enough to try them. */
function naiveNdcg(rows: readonly Row[]): number {
  const orders = ordersOf(rows).filter((order) =>
    order.every(({ score }, i) => i === 0 || order[i - 1]!.score >= score),
  );
  const dcg = (labels: readonly number[]): number =>
    sumOf(labels.map((label, i) => label / Math.log2(i + 2)));
  const ideal = dcg(rows.map(({ label }) => label).sort((a, b) => b - a));
  return sumOf(orders.map((order) => dcg(order.map(({ label }) => label)))) / orders.length / ideal;
}

function ordersOf<T>(values: readonly T[]): T[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((first, i) =>
    ordersOf(values.filter((_each, at) => at !== i)).map((rest) => [first, ...rest]),
  );
}

const grouped = (rows: readonly Row[], by: 'user' | 'request'): Row[][] => [
  ...rows
    .reduce(
      (all, row) => all.set(row[by], [...(all.get(row[by]) ?? []), row]),
      new Map<number, Row[]>(),
    )
    .values(),
];

describe('the quality of predictions', () => {
  test('orders as all pairs and all thresholds do, one by one', () => {
    fc.assert(
      fc.property(someRows, (rows) => {
        const { auc, prAuc } = qualityOf(rows);
        expectClose(auc, naiveAuc(rows));
        expectClose(prAuc, naiveAveragePrecision(rows));
      }),
    );
  });

  test('is, within users, the mean of their own AUC by the weight of their rows', () => {
    fc.assert(
      fc.property(someRows, (rows) => {
        const users = grouped(rows, 'user').filter((own) => !Number.isNaN(naiveAuc(own)));
        const weights = users.map((own) => sumOf(own.map(({ weight }) => weight)));
        const expected = sumOf(users.map((own, i) => weights[i]! * naiveAuc(own))) / sumOf(weights);
        expectClose(qualityOf(rows).withinUserAuc, expected);
      }),
    );
  });

  test('is, of lists, the mean of what all orders of equal scores gain', () => {
    fc.assert(
      fc.property(someRows, (all) => {
        const lists = grouped(all, 'request').map((list) => list.slice(0, 5));
        const gains = lists
          .filter((list) => list.length > 1)
          .map(naiveNdcg)
          .filter((gain) => !Number.isNaN(gain));
        expectClose(qualityOf(lists.flat()).ndcg, sumOf(gains) / gains.length);
      }),
    );
  });

  test('sums log loss, entropy and calibration by weight', () => {
    fc.assert(
      fc.property(someRows, (rows) => {
        const sum = (of: (row: Row) => number): number =>
          sumOf(rows.map((row) => row.weight * of(row)));
        const loss = sum(({ score, label }) => logloss(score, label)) / sum(() => 1);
        const rate = sum(({ label }) => label) / sum(() => 1);
        const quality = qualityOf(rows);
        expect(quality.logloss).toBeCloseTo(loss, digits);
        if (rate > 0)
          expectClose(quality.calibration, sum(({ score }) => score) / sum((row) => row.label));
        if (rate > 0 && rate < 1)
          expect(quality.normalisedEntropy).toBeCloseTo(loss / entropy(rate), digits);
      }),
    );
  });

  test('of units that are drawn several times is that of rows that are there several times', () => {
    const times = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(someRows, times, (rows, drawn) => {
        const judge = new Judge(columnsOf(rows));
        const copies = grouped(rows, 'user').flatMap((own) =>
          Array.from({ length: drawn[own[0]!.user]! }, (_unused, copy) =>
            // Each is a user of his own, with lists of his own.
            own.map((row) => ({
              ...row,
              user: row.user + 5 * copy,
              request: row.request + 15 * copy,
            })),
          ).flat(),
        );
        fc.pre(copies.length > 0);
        const weighed = judge.quality(Float64Array.from(drawn));
        const expected = qualityOf(copies);
        for (const figure of figures)
          if (Number.isFinite(expected[figure]))
            expect(weighed[figure]).toBeCloseTo(expected[figure], digits);
      }),
    );
  });

  test('is known by what always says the rate, and by what is always right', () => {
    const [even, right] = [0.25, 0.999_999_9];
    const of = (scores: readonly number[]) =>
      new Judge({ scores, labels: [1, 0, 0, 0], users: [0, 0, 0, 0] }).quality();
    expect(of([even, even, even, even])).toMatchObject({ auc: 0.5, prAuc: 0.25, calibration: 1 });
    expect(of([even, even, even, even]).normalisedEntropy).toBeCloseTo(1, digits);
    expect(of([right, 0, 0, 0])).toMatchObject({ auc: 1, withinUserAuc: 1, prAuc: 1 });
    expect(of([right, 0, 0, 0]).normalisedEntropy).toBeLessThan(0.001);
  });

  test('says no loss and no calibration of scores that are no probabilities', () => {
    const judge = new Judge({ scores: [7, 3, -2], labels: [1, 0, 0] });
    expect(judge.quality()).toMatchObject({ auc: 1, logloss: NaN, calibration: NaN });
    expect(judge.unit).toBe('row');
  });
});
