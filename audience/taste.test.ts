import { describe, expect, test } from '@jest/globals';
import { ageGroup, userTraits } from './demography.js';
import type { TasteOptions } from './taste.js';
import { Taste, meanOfBest } from './taste.js';

const defaults: TasteOptions = {
  users: 1000,
  items: 500,
  factorDim: 4,
  slateSize: 10,
  driftPerSecond: 0.001,
  seed: 1,
};
/** 2026-01-01. */
const nowMs = 1_767_225_600_000;
const hourMs = 3_600_000;

function sampledUsers(count: number, users = defaults.users): number[] {
  return Array.from({ length: count }, (_unused, i) => Math.floor((i * users) / count));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Pearson's r. */
function correlation(a: Float32Array, b: Float32Array): number {
  const meanA = meanOf([...a]);
  const meanB = meanOf([...b]);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((value, i) => {
    ab += (value - meanA) * (b[i]! - meanB);
    aa += (value - meanA) ** 2;
    bb += (b[i]! - meanB) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Making one takes longer than asking it. */
const usual = new Taste(defaults);

describe('Taste', () => {
  test('the same seed gives the same audience, in any order of asking', () => {
    const other = new Taste(defaults);
    const probes = sampledUsers(20).map(
      (user) => [user, (user * 7) % 500, nowMs + user * 1000] as const,
    );
    const forward = probes.map((probe) => usual.clickProbability(...probe));
    const backward = [...probes].reverse().map((probe) => other.clickProbability(...probe));
    expect(forward).toEqual(backward.reverse());
  });

  test('another seed gives another audience', () => {
    const probabilities = usual.clickProbabilities(0, nowMs);
    const others = new Taste({ ...defaults, seed: 2 }).clickProbabilities(0, nowMs);
    expect(Math.abs(correlation(probabilities, others))).toBeLessThan(0.9);
    expect(probabilities).not.toEqual(others);
  });

  test.each([
    { ...defaults },
    { ...defaults, seed: 7 },
    { ...defaults, factorDim: 16, seed: 3 },
    { ...defaults, factorDim: 1 },
    { ...defaults, users: 50, items: 60, slateSize: 5 },
    { ...defaults, items: 1500, driftPerSecond: 0 },
  ])('random items are clicked now and then, the best ones mostly: %j', (options) => {
    const taste = new Taste(options);
    const users = sampledUsers(60, options.users);
    const times = [0, 1, 5, 24, 1000].map((hours) => nowMs + hours * hourMs);
    const rates = times.flatMap((at) => users.map((user) => taste.referenceRates(user, at)));
    const random = meanOf(rates.map((rate) => rate.random));
    const oracle = meanOf(rates.map((rate) => rate.oracle));
    expect(random).toBeGreaterThan(0.1);
    expect(random).toBeLessThan(0.2);
    expect(oracle).toBeGreaterThan(options.factorDim === 1 ? 0.4 : 0.55);
    expect(oracle).toBeLessThan(0.75);
  });

  test('the most popular items are a worse answer than the own best', () => {
    const taste = usual;
    const perUser = sampledUsers(200).map((user) => taste.clickProbabilities(user, nowMs));
    const liked = Float32Array.from({ length: 500 }, (_unused, item) =>
      meanOf(perUser.map((row) => row[item]!)),
    );
    const popular = meanOfBest(liked, 10);
    const oracle = meanOf(perUser.map((row) => meanOfBest(row, 10)));
    const random = meanOf([...liked]);
    expect(popular).toBeGreaterThan(1.3 * random);
    expect(popular).toBeLessThan(0.75 * oracle);
  });

  test('taste hardly changes in two minutes and is another after hours', () => {
    const taste = usual;
    const similarity = (laterMs: number): number =>
      meanOf(
        sampledUsers(50).map((user) =>
          correlation(
            taste.clickProbabilities(user, nowMs),
            taste.clickProbabilities(user, nowMs + laterMs),
          ),
        ),
      );
    expect(similarity(120_000)).toBeGreaterThan(0.95);
    expect(similarity(600_000)).toBeLessThan(similarity(120_000));
    expect(similarity(24 * hourMs)).toBeLessThan(0.6);
  });

  test('what was best is no longer best: yesterday’s slate loses to today’s', () => {
    const taste = usual;
    const losses = sampledUsers(50).map((user) => {
      const before = taste.clickProbabilities(user, nowMs);
      const slate = [...before.keys()].sort((a, b) => before[b]! - before[a]!).slice(0, 10);
      const later = nowMs + 24 * hourMs;
      return (
        taste.referenceRates(user, later).oracle -
        meanOf(slate.map((item) => taste.clickProbability(user, item, later)))
      );
    });
    expect(meanOf(losses)).toBeGreaterThan(0.15);
  });

  test('without drift nothing changes', () => {
    const taste = new Taste({ ...defaults, driftPerSecond: 0 });
    expect(taste.clickProbabilities(3, nowMs)).toEqual(
      taste.clickProbabilities(3, nowMs + 1000 * hourMs),
    );
  });

  test('users of one age group and gender are more alike than others', () => {
    const taste = usual;
    const users = sampledUsers(60).map((user) => {
      const { age, gender } = userTraits(defaults.seed, user);
      return { group: `${ageGroup(age)} ${gender}`, row: taste.clickProbabilities(user, nowMs) };
    });
    const pairs = users.flatMap((a, i) => users.slice(i + 1).map((b) => [a, b] as const));
    const similarity = (alike: boolean): number =>
      meanOf(
        pairs
          .filter(([a, b]) => (a.group === b.group) === alike)
          .map(([a, b]) => correlation(a.row, b.row)),
      );
    expect(similarity(true)).toBeGreaterThan(similarity(false) + 0.2);
    expect(similarity(true)).toBeLessThan(0.95);
  });

  test('the oracle shows the best items, chance shows any', () => {
    const best = [...usual.clickProbabilities(0, nowMs)].sort((a, b) => b - a);
    const { oracle, random } = usual.referenceRates(0, nowMs);
    expect(oracle).toBeCloseTo(meanOf(best.slice(0, defaults.slateSize)));
    expect(random).toBeCloseTo(meanOf(best));
  });

  test('a user or an item that does not exist is a defect', () => {
    const taste = new Taste({ ...defaults, users: 5, items: 12 });
    expect(() => taste.clickProbability(5, 0, nowMs)).toThrow('user 5');
    expect(() => taste.clickProbability(0, 12, nowMs)).toThrow('item 12');
  });
});
