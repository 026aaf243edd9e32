import type { ClusterConfig } from '../config/schema.js';
import { correctedProbability } from '../model/calibration.js';
import { calibratedLogit } from '../model/score-calibration.js';
import type { ValueTransform } from '../model/value-transform.js';
import { valueAt } from '../model/value-transform.js';
import type { RulesConfig } from './join-rules.js';
import { joinRulesOf, valueScales } from './join-rules.js';

const uncalibrated = new Float32Array(0);

/** How logits become probabilities and values, and those one score. */
export interface Scoring {
  /** In the order of the heads. */
  readonly outcomes: readonly string[];
  /** By head, the one that it is given by; −1: none. */
  readonly given: readonly number[];
  /** By head, the scale of the value that it predicts; undefined for a chance. */
  readonly values: readonly (ValueTransform | undefined)[];
  /** By head, what it is worth. */
  readonly weights: readonly number[];
  /** Of the negatives that were trained on: scores are corrected for it, here and nowhere else. */
  readonly negativeSamplingRate: number;
  /** Of the settings that the weights are of; 0: those of the configuration. */
  readonly settingsVersion: number;
}

export function scoringOf(
  config: RulesConfig & Pick<ClusterConfig, 'score'>,
  settingsVersion = 0,
): Scoring {
  const { outcomes } = joinRulesOf(config);
  const names = outcomes.map(({ name }) => name);
  const isSaid = Object.keys(config.score).length > 0;
  return {
    outcomes: names,
    given: outcomes.map(({ given }) => (given === undefined ? -1 : names.indexOf(given))),
    values: valueScales(config),
    weights: names.map((name, head) => (isSaid ? (config.score[name] ?? 0) : head === 0 ? 1 : 0)),
    negativeSamplingRate: config.joining.negativeSamplingRate,
    settingsVersion,
  };
}

export interface Scores {
  /** f32 [rows]: what rows are ordered by; the probability itself where there is one outcome. */
  readonly scores: Float32Array;
  /** f32 [rows] by outcome; none where there is one, as it is the score. */
  readonly predictions: Readonly<Record<string, Float32Array>>;
}

/**
 * A head that is given by another one was trained where that happened, so what it predicts is times the probability of the other. Of
 * values no negatives were left out.
 *
 * @param logits f32 [rows × heads]
 * @param calibration see score-calibration.ts; empty: what the network says is taken as it is.
 */
export function scoresOf(
  logits: Float32Array,
  scoring: Scoring,
  calibration: Float32Array = uncalibrated,
): Scores {
  const { outcomes, given, weights, values, negativeSamplingRate } = scoring;
  const heads = outcomes.length;
  if (heads === 1) {
    const scores = Float32Array.from(logits, (logit) =>
      correctedProbability(calibratedLogit(logit, calibration, 0), negativeSamplingRate),
    );
    return { scores, predictions: {} };
  }
  const rows = logits.length / heads;
  const columns = outcomes.map(() => new Float32Array(rows));
  const scores = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let score = 0;
    for (let head = 0; head < heads; head++) {
      const logit = logits[row * heads + head]!;
      const scale = values[head];
      const own = scale
        ? valueAt(scale, logit)
        : correctedProbability(calibratedLogit(logit, calibration, head), negativeSamplingRate);
      const of = given[head]!;
      // What it is given by comes before it.
      const predicted = of < 0 ? own : own * columns[of]![row]!;
      columns[head]![row] = predicted;
      score += weights[head]! * predicted;
    }
    scores[row] = score;
  }
  const named = outcomes.map((name, head) => [name, columns[head]!] as const);
  return { scores, predictions: Object.fromEntries(named) };
}
