import type { ClusterConfig } from '../config/schema.js';
import { correctedProbability } from '../model/calibration.js';
import type { RulesConfig } from './join-rules.js';
import { joinRulesOf } from './join-rules.js';

/** How logits become probabilities, and those one score. */
export interface Scoring {
  /** In the order of the heads. */
  readonly outcomes: readonly string[];
  /** By head, the one that it is given by; −1: none. */
  readonly given: readonly number[];
  /** By head, what it is worth. */
  readonly weights: readonly number[];
  /** Of the negatives that were trained on: scores are corrected for it, here and nowhere else. */
  readonly negativeSamplingRate: number;
}

export function scoringOf(config: RulesConfig & Pick<ClusterConfig, 'score'>): Scoring {
  const { outcomes } = joinRulesOf(config);
  const names = outcomes.map(({ name }) => name);
  const isSaid = Object.keys(config.score).length > 0;
  return {
    outcomes: names,
    given: outcomes.map(({ given }) => (given === undefined ? -1 : names.indexOf(given))),
    weights: names.map((name, head) => (isSaid ? (config.score[name] ?? 0) : head === 0 ? 1 : 0)),
    negativeSamplingRate: config.joining.negativeSamplingRate,
  };
}

export interface Scores {
  /** f32 [rows]: what rows are ordered by; the probability itself where there is one outcome. */
  readonly scores: Float32Array;
  /** f32 [rows] by outcome; none where there is one, as it is the score. */
  readonly predictions: Readonly<Record<string, Float32Array>>;
}

/**
 * A head that is given by another one was trained where that happened, so its probability is times that of the other.
 *
 * @param logits f32 [rows × heads]
 */
export function scoresOf(logits: Float32Array, scoring: Scoring): Scores {
  const { outcomes, given, weights, negativeSamplingRate } = scoring;
  const heads = outcomes.length;
  if (heads === 1) {
    const scores = Float32Array.from(logits, (logit) =>
      correctedProbability(logit, negativeSamplingRate),
    );
    return { scores, predictions: {} };
  }
  const rows = logits.length / heads;
  const columns = outcomes.map(() => new Float32Array(rows));
  const scores = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let score = 0;
    for (let head = 0; head < heads; head++) {
      const own = correctedProbability(logits[row * heads + head]!, negativeSamplingRate);
      const of = given[head]!;
      // What it is given by comes before it.
      const probability = of < 0 ? own : own * columns[of]![row]!;
      columns[head]![row] = probability;
      score += weights[head]! * probability;
    }
    scores[row] = score;
  }
  const named = outcomes.map((name, head) => [name, columns[head]!] as const);
  return { scores, predictions: Object.fromEntries(named) };
}
