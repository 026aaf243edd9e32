import type { Random } from '../base/random.js';
import { Judge, type Quality } from './quality.js';
import type { ScoredRows } from './scored-rows.js';

/** From where to where a figure would be if it had been other users (requests, rows) of the same kind. */
export type Interval = readonly [low: number, high: number];

export type Intervals = Readonly<Record<keyof Quality, Interval>>;

export interface BootstrapOptions {
  /** Gives the same intervals for the same chance. */
  readonly random: Pick<Random, 'next'>;
  /** Fewer: ends of intervals are themselves uncertain. More: it takes longer, a pass over the rows for each. */
  readonly draws?: number | undefined;
  /** In (0, 1). */
  readonly level?: number | undefined;
}

const drawsDefault = 200;
const levelDefault = 0.95;

/**
 * Intervals by the percentile bootstrap (Efron and Tibshirani, 1993, chapter 13): units are drawn with replacement as many times as there are, rows of one
 * unit together, as rows of one user depend on each other; intervals of rows alone would be too narrow.
 *
 * NaN where a figure could not be said in any draw.
 */
export function intervalsOf(judge: Judge, options: BootstrapOptions): Intervals {
  const draws = drawn(judge.unitCount, options, (times) => judge.quality(times));
  return intervalsIn(draws, options.level ?? levelDefault);
}

/** Of the mean of values that are independent of each other. NaN where there are none. */
export function intervalOfMeans(values: readonly number[], options: BootstrapOptions): Interval {
  const { random, draws = drawsDefault, level = levelDefault } = options;
  const means = Array.from({ length: draws }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++)
      sum += values[Math.floor(random.next() * values.length)]!;
    return sum / values.length;
  });
  return percentiles(means, level);
}

/** Of the same rows, what two systems said before the label. */
export interface Duel {
  readonly ours: Quality;
  readonly theirs: Quality;
  /** Ours − theirs. */
  readonly difference: Quality;
  /** Of the difference: both are judged in each draw of the same units, so what rows have in common cancels out. */
  readonly intervals: Intervals;
  readonly unit: Judge['unit'];
  readonly counts: Judge['counts'];
}

/** @param rival scores of the other system, of the same rows; where they are no probabilities, its calibration is NaN. */
export function duelOf(
  rows: ScoredRows,
  rival: ArrayLike<number>,
  options: BootstrapOptions,
): Duel {
  const own = new Judge(rows);
  const other = new Judge({ ...rows, scores: rival });
  const draws = drawn(own.unitCount, options, (times) =>
    differenceOf(own.quality(times), other.quality(times)),
  );
  const [ours, theirs] = [own.quality(), other.quality()];
  return {
    ...{ ours, theirs, difference: differenceOf(ours, theirs) },
    intervals: intervalsIn(draws, options.level ?? levelDefault),
    ...{ unit: own.unit, counts: own.counts },
  };
}

export const figures = [
  ...(['auc', 'withinUserAuc', 'prAuc', 'ndcg'] as const),
  ...(['logloss', 'normalisedEntropy', 'calibration'] as const),
] satisfies readonly (keyof Quality)[];

function byFigure<T>(of: (figure: keyof Quality) => T): Readonly<Record<keyof Quality, T>> {
  const entries = figures.map((figure) => [figure, of(figure)] as const);
  return Object.fromEntries(entries) as Record<keyof Quality, T>;
}

function differenceOf(a: Quality, b: Quality): Quality {
  return byFigure((figure) => a[figure] - b[figure]);
}

function drawn(
  unitCount: number,
  { random, draws = drawsDefault }: BootstrapOptions,
  judge: (times: Float64Array) => Quality,
): Quality[] {
  const times = new Float64Array(unitCount);
  return Array.from({ length: draws }, () => {
    times.fill(0);
    for (let i = 0; i < unitCount; i++) times[Math.floor(random.next() * unitCount)]!++;
    return judge(times);
  });
}

function intervalsIn(draws: readonly Quality[], level: number): Intervals {
  return byFigure((figure) =>
    percentiles(
      draws.map((draw) => draw[figure]),
      level,
    ),
  );
}

function percentiles(draws: readonly number[], level: number): Interval {
  const values = draws.filter(Number.isFinite).sort((a, b) => a - b);
  return [quantile(values, (1 - level) / 2), quantile(values, (1 + level) / 2)];
}

function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low === undefined || high === undefined ? NaN : low + (high - low) * (place % 1);
}
