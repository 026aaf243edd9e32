import { assert } from '../base/assert.js';

/**
 * Ranking and probability quality, exact. No histograms: with drifting scores their bins hide the very differences
 * that freshness makes (a few thousandths of AUC), and sorting 10^6 floats takes a fraction of a second.
 */

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half (the same as the
 * average-rank form of Mann and Whitney's U). O(n log n).
 *
 * @param scores any monotone score (logit or probability), length n, no NaN.
 * @param labels 1 = positive, anything else negative, length n.
 * @returns NaN where one class is missing, since no pair exists to be ordered.
 */
export function auc(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  start = 0,
  end = scores.length,
): number {
  assert(scores.length === labels.length, `${scores.length} scores for ${labels.length} labels`);
  let positiveCount = 0;
  for (let i = start; i < end; i++) if (labels[i] === 1) positiveCount++;
  const positives = new Float64Array(positiveCount);
  const negatives = new Float64Array(end - start - positiveCount);
  let p = 0;
  let n = 0;
  for (let i = start; i < end; i++) {
    if (labels[i] === 1) positives[p++] = scores[i]!;
    else negatives[n++] = scores[i]!;
  }
  if (p === 0 || n === 0) return NaN;
  // Typed arrays sort numerically without a comparator: about 8 times faster than sorting an index.
  return orderedPairs(positives.sort(), negatives.sort()) / (p * n);
}

/** Pairs in which the positive is above the negative, ties as half; both ascending. One merge. */
function orderedPairs(positives: Float64Array, negatives: Float64Array): number {
  let below = 0;
  let upTo = 0;
  let pairs = 0;
  for (let i = 0; i < positives.length; i++) {
    const score = positives[i]!;
    while (below < negatives.length && negatives[below]! < score) below++;
    if (upTo < below) upTo = below;
    while (upTo < negatives.length && negatives[upTo]! === score) upTo++;
    pairs += below + (upTo - below) / 2;
  }
  return pairs;
}

/** A confident mistake costs at most -ln(1e-7) = 16; unbounded, a single one would hide everything else. */
const probabilityMin = 1e-7;

/** Negative log likelihood of one label. */
export function logloss(probability: number, label: number): number {
  const p = Math.min(Math.max(probability, probabilityMin), 1 - probabilityMin);
  return label === 1 ? -Math.log(p) : -Math.log(1 - p);
}

/** −p·ln p − (1−p)·ln(1−p), nats: the log loss of always saying the rate. 0 at the ends, where a log loss is no share of anything. */
export function entropy(rate: number): number {
  const part = (p: number): number => (p > 0 ? -p * Math.log(p) : 0);
  return part(rate) + part(1 - rate);
}

/** Loss and calibration of a stream of predictions in constant memory. */
export class RunningQuality {
  #lossSum = 0;
  #predictionSum = 0;
  #positiveSum = 0;
  #total = 0;

  add(probability: number, label: number): void {
    this.#lossSum += logloss(probability, label);
    this.#predictionSum += probability;
    this.#positiveSum += label === 1 ? 1 : 0;
    this.#total++;
  }

  get count(): number {
    return this.#total;
  }

  /** Mean negative log likelihood; NaN before the first prediction. */
  get logloss(): number {
    return this.#lossSum / this.#total;
  }

  /** Share of positives: the click rate. */
  get positiveRate(): number {
    return this.#positiveSum / this.#total;
  }

  /** Mean prediction / mean label: 1 is calibrated, 2 promises twice the clicks that come. */
  get calibration(): number {
    return this.#predictionSum / this.#positiveSum;
  }
}
