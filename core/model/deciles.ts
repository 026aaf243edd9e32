import { assert } from '../base/assert.js';

/** Tenths of what was scored, lowest first. */
export interface CalibrationDecile {
  /** Σ weight. */
  readonly weight: number;
  readonly meanScore: number;
  /** Σ weight·label / Σ weight. */
  readonly rate: number;
  /** meanScore / rate: 1 is calibrated. Infinity where nothing was a 1. */
  readonly ratio: number;
}

export interface WeighedScores {
  /** Probabilities. */
  readonly scores: ArrayLike<number>;
  /** 0 or 1. */
  readonly labels: ArrayLike<number>;
  /** How much each counts; absent: alike. */
  readonly weights?: ArrayLike<number> | undefined;
}

const tenths = 10;

/**
 * Calibration by the score: a mean over all can be right where the high scores promise too much and the low ones too little. Each
 * tenth has a tenth of the weight, but for rounding to whole rows; there are fewer where there are fewer rows. O(n log n).
 */
export function calibrationByDecile({
  scores,
  labels,
  weights,
}: WeighedScores): CalibrationDecile[] {
  assert(scores.length === labels.length, `${scores.length} scores for ${labels.length} labels`);
  const weightOf = (row: number): number => (weights ? weights[row]! : 1);
  const order = Uint32Array.from(scores, (_score, row) => row);
  order.sort((a, b) => scores[a]! - scores[b]!);
  const total = order.reduce((sum, row) => sum + weightOf(row), 0);
  const sums = Array.from({ length: tenths }, () => ({ weight: 0, score: 0, label: 0 }));
  let before = 0;
  for (const row of order) {
    const weight = weightOf(row);
    const tenth = Math.min(tenths - 1, Math.floor((tenths * (before + weight / 2)) / total));
    const sum = sums[tenth]!;
    sum.weight += weight;
    sum.score += weight * scores[row]!;
    sum.label += weight * labels[row]!;
    before += weight;
  }
  return sums
    .filter(({ weight }) => weight > 0)
    .map(({ weight, score, label }) => {
      return { weight, meanScore: score / weight, rate: label / weight, ratio: score / label };
    });
}
