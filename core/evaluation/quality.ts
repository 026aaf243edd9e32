import { entropy, logloss } from '../model/metrics.js';
import { listNdcg, orderQuality, type OrderedRows } from './ordering.js';
import { byFallingScore, groupsOf, requireColumns, type ScoredRows } from './scored-rows.js';

/** How well one outcome is predicted. NaN stands for what can't be said, such as the AUC of rows that all happened. */
export interface Quality {
  /** See ordering.ts; by weight. */
  readonly auc: number;
  /**
   * The mean of the AUC of each user, by the weight of his rows (GAUC; Zhou et al., 2018, section 5.2), of those with both kinds: whether the right
   * items are shown to somebody, and not who clicks much.
   */
  readonly withinUserAuc: number;
  /** Average precision, for rare outcomes: AUC says little of the top of the list where nearly all rows are below it. */
  readonly prAuc: number;
  /** NDCG of whole lists, over those of two or more rows in which something happened; NaN without lists. */
  readonly ndcg: number;
  /** Mean by weight, nats. NaN where scores are no probabilities, as are the next two. */
  readonly logloss: number;
  /** Log loss over that of always saying the rate (He et al., 2014, section 3.1): 1 is as good as knowing the rate, less is better. */
  readonly normalisedEntropy: number;
  /** What was predicted over what came, by weight: 1 is calibrated. */
  readonly calibration: number;
}

export interface RowCounts {
  readonly rows: number;
  readonly positives: number;
  /** Positives over all, by weight. */
  readonly rate: number;
  /** 0 where they are not known. */
  readonly users: number;
  readonly requests: number;
}

/** Of each unit that a bootstrap draws whole, what adds up. */
interface UnitSums {
  /** Weight of its rows, and of those that happened. */
  readonly weight: Float64Array;
  readonly came: Float64Array;
  readonly predicted: Float64Array;
  readonly loss: Float64Array;
  /** Σ of AUC by weight, and that weight; 0 where the user has one kind alone. */
  readonly within: Float64Array;
  readonly withinWeight: Float64Array;
  /** Σ of NDCG, and the lists. */
  readonly ndcg: Float64Array;
  readonly lists: Float64Array;
}

/**
 * Judges rows as they are, and as often as wanted with units of them weighed anew. Units are what is independent of each other: users; requests where
 * no user is known; else rows. Sorted once; each judgement is one pass over the rows for the order, and one over the units for the rest.
 */
export class Judge {
  /** What a bootstrap draws. */
  readonly unit: 'user' | 'request' | 'row';
  readonly unitCount: number;
  readonly counts: RowCounts;
  readonly #rows: ScoredRows;
  readonly #units: ArrayLike<number>;
  readonly #order: Uint32Array;
  readonly #sums: UnitSums;

  constructor(rows: ScoredRows) {
    requireColumns(rows);
    const { users, requests, scores } = rows;
    const all = Uint32Array.from(scores, (_score, row) => row);
    this.unit = users ? 'user' : requests ? 'request' : 'row';
    this.#rows = rows;
    this.#units = users ?? requests ?? all;
    this.unitCount = countOf(this.#units);
    this.#order = byFallingScore(all, scores);
    this.#sums = sumsOf(rows, this.#units, this.unitCount);
    this.counts = this.#counted();
  }

  /** @param times how often each unit counts; left out: once. */
  quality(times?: Float64Array): Quality {
    const { scores, labels, weights } = this.#rows;
    const units = this.#units;
    const weightOf = (row: number): number =>
      (weights ? weights[row]! : 1) * (times ? times[units[row]!]! : 1);
    const order = orderQuality({ order: this.#order, scores, labels, weightOf });
    const sum = (of: Float64Array): number => weighedSum(of, times);
    const { weight, came, predicted, loss, within, withinWeight, ndcg, lists } = this.#sums;
    const all = sum(weight);
    const meanLoss = sum(loss) / all;
    return {
      auc: order.auc,
      withinUserAuc: this.unit === 'user' ? sum(within) / sum(withinWeight) : NaN,
      prAuc: order.averagePrecision,
      ndcg: sum(ndcg) / sum(lists),
      logloss: meanLoss,
      normalisedEntropy: meanLoss / entropy(sum(came) / all),
      calibration: sum(predicted) / sum(came),
    };
  }

  #counted(): RowCounts {
    const { scores, labels, users, requests } = this.#rows;
    let positives = 0;
    for (let i = 0; i < labels.length; i++) if (labels[i] === 1) positives++;
    const { came, weight } = this.#sums;
    return {
      ...{ rows: scores.length, positives, rate: weighedSum(came) / weighedSum(weight) },
      ...{ users: users ? distinct(users) : 0, requests: requests ? distinct(requests) : 0 },
    };
  }
}

function sumsOf(rows: ScoredRows, units: ArrayLike<number>, unitCount: number): UnitSums {
  const column = (): Float64Array => new Float64Array(unitCount);
  const sums: UnitSums = {
    ...{ weight: column(), came: column(), predicted: column(), loss: column() },
    ...{ within: column(), withinWeight: column(), ndcg: column(), lists: column() },
  };
  const { scores, labels, weights, users } = rows;
  const areChances = areProbabilities(scores);
  for (let row = 0; row < scores.length; row++) {
    const [unit, weight] = [units[row]!, weights ? weights[row]! : 1];
    sums.weight[unit]! += weight;
    sums.came[unit]! += weight * labels[row]!;
    sums.predicted[unit]! += areChances ? weight * scores[row]! : NaN;
    sums.loss[unit]! += areChances ? weight * logloss(scores[row]!, labels[row]!) : NaN;
  }
  if (users) addWithin(sums, rows, users);
  if (rows.requests) addLists(sums, rows, rows.requests, units);
  return sums;
}

export function areProbabilities(scores: ArrayLike<number>): boolean {
  for (let i = 0; i < scores.length; i++) if (!(scores[i]! >= 0 && scores[i]! <= 1)) return false;
  return true;
}

function addWithin(sums: UnitSums, rows: ScoredRows, users: ArrayLike<number>): void {
  const { scores, labels, weights } = rows;
  const weightOf = (row: number): number => (weights ? weights[row]! : 1);
  forEachGroup(users, rows, (ordered, user) => {
    const { auc } = orderQuality({ ...ordered, scores, labels, weightOf });
    if (Number.isNaN(auc)) return;
    sums.within[user]! += auc * sums.weight[user]!;
    sums.withinWeight[user]! += sums.weight[user]!;
  });
}

function addLists(
  sums: UnitSums,
  rows: ScoredRows,
  requests: ArrayLike<number>,
  units: ArrayLike<number>,
): void {
  forEachGroup(requests, rows, (ordered) => {
    if (ordered.order.length < 2) return; // Right in any order, and so no list.
    const ndcg = listNdcg(ordered);
    if (Number.isNaN(ndcg)) return;
    const unit = units[ordered.order[0]!]!;
    sums.ndcg[unit]! += ndcg;
    sums.lists[unit]! += 1;
  });
}

type Ordered = Pick<OrderedRows, 'order' | 'scores' | 'labels'>;

/** Each group that has rows, by falling score. */
function forEachGroup(
  groups: ArrayLike<number>,
  { scores, labels }: ScoredRows,
  take: (ordered: Ordered, group: number) => void,
): void {
  const { starts, rows } = groupsOf(groups);
  for (let group = 0; group + 1 < starts.length; group++) {
    const own = rows.subarray(starts[group], starts[group + 1]);
    if (own.length > 0) take({ order: byFallingScore(own, scores), scores, labels }, group);
  }
}

function weighedSum(values: Float64Array, times?: Float64Array): number {
  let sum = 0;
  // What is drawn no time counts as nothing, even where it can't be said.
  for (let i = 0; i < values.length; i++)
    if (!times || times[i]! > 0) sum += values[i]! * (times ? times[i]! : 1);
  return sum;
}

function countOf(groups: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < groups.length; i++) count = Math.max(count, groups[i]! + 1);
  return count;
}

function distinct(groups: ArrayLike<number>): number {
  const seen = new Uint8Array(countOf(groups));
  let count = 0;
  for (let i = 0; i < groups.length; i++) {
    if (seen[groups[i]!] === 0) count++;
    seen[groups[i]!] = 1;
  }
  return count;
}
