import { describe, expect, test } from '@jest/globals';
import { duelOf, intervalsOf } from './bootstrap.js';
import { sameChance } from './evaluation.testkit.js';
import { Judge } from './quality.js';

/** Users whose clicks follow a score, and a rival that sees it through noise. */
function stream(users: number, rowsOfEach: number, seed: number) {
  const { next } = sameChance(seed);
  const count = users * rowsOfEach;
  const scores = Array.from({ length: count }, () => 0.05 + 0.9 * next());
  const labels = scores.map((score) => (next() < score ? 1 : 0));
  const rival = scores.map((score) => 0.4 * score + 0.6 * next());
  return { scores, labels, rival, users: scores.map((_score, i) => Math.floor(i / rowsOfEach)) };
}

describe('an interval', () => {
  test('holds the figure that a stream without end would have, nine times of ten or more', () => {
    const truth = new Judge(stream(20_000, 5, 99)).quality().auc;
    const held = Array.from({ length: 40 }, (_unused, seed) => {
      const judge = new Judge(stream(60, 5, 1000 + 7 * seed));
      const { auc } = intervalsOf(judge, { random: sameChance(seed + 1) });
      return auc[0] <= truth && truth <= auc[1];
    });
    expect(held.filter((each) => each).length).toBeGreaterThanOrEqual(36);
  });

  test('is the same for the same chance, and narrower of more users', () => {
    const of = (users: number) => {
      const judge = new Judge(stream(users, 5, 3));
      return intervalsOf(judge, { random: sameChance(5), draws: 100 }).auc;
    };
    expect(of(50)).toEqual(of(50));
    const width = ([low, high]: readonly [number, number]): number => high - low;
    expect(width(of(800))).toBeLessThan(width(of(50)) / 2);
  });

  test('is of users: rows of one that are all alike say as much as one of them', () => {
    const once = stream(100, 1, 11);
    const repeated = [0, 1, 2, 3].flatMap(() => once.users);
    const copies = {
      scores: repeated.map((user) => once.scores[user]!),
      labels: repeated.map((user) => once.labels[user]!),
    };
    const width = (rows: ConstructorParameters<typeof Judge>[0]): number => {
      const { auc } = intervalsOf(new Judge(rows), { random: sameChance(2) });
      return auc[1] - auc[0];
    };
    expect(width({ ...copies, users: repeated })).toBeCloseTo(width(once), 9);
    expect(width(copies)).toBeLessThan(0.7 * width(once));
  });
});

describe('a duel', () => {
  const rows = stream(300, 5, 21);

  test('says which is better where one is, of the same rows', () => {
    const duel = duelOf(rows, rows.rival, { random: sameChance() });
    expect(duel.difference.auc).toBeCloseTo(duel.ours.auc - duel.theirs.auc, 12);
    expect(duel.intervals.auc[0]).toBeGreaterThan(0);
    expect(duel.unit).toBe('user');
  });

  test('has no winner against itself, and is exact about that', () => {
    const { difference, intervals } = duelOf(rows, rows.scores, { random: sameChance() });
    expect(difference).toMatchObject({ auc: 0, prAuc: 0, logloss: 0 });
    expect(intervals.auc).toEqual([0, 0]);
  });

  test('judges scores that are no probabilities by their order alone', () => {
    const points = rows.rival.map((score) => 100 * score);
    const { theirs } = duelOf(rows, points, { random: sameChance(), draws: 10 });
    expect(theirs.calibration).toBeNaN();
    expect(theirs.auc).toBeCloseTo(new Judge({ ...rows, scores: rows.rival }).quality().auc, 12);
  });
});
