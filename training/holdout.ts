import { judgedSum, type JudgedCounts } from '../core/model/judged-scores.js';
import { sigmoid } from '../core/model/calibration.js';
import { auc, logloss } from '../core/model/metrics.js';
import { valueAt, type ValueTransform } from '../core/model/value-transform.js';
import type { ScoredRows } from './batch-learner.js';

/** How well one outcome is predicted of rows that nothing was learned from. */
export interface OutcomeFigures {
  readonly outcome: string;
  /** Of which it is known. */
  readonly rows: number;
  /** Of a chance: where it happened; of a value: where it is not 0. */
  readonly positives: number;
  /** Of a chance. NaN where all happened or none did. */
  readonly auc?: number;
  /** Of a chance: mean by weight, nats. */
  readonly logloss?: number;
  /** Of a value: root of the mean square by weight, in its own unit. */
  readonly rmse?: number;
  /** What was predicted over what came, both by weight: 1 is calibrated. */
  readonly calibration: number;
}

export interface JudgedHeads {
  readonly outcomes: readonly string[];
  /** By head, the scale of a value; undefined for a chance. */
  readonly values: readonly (ValueTransform | undefined)[];
}

/** @param parts of the threads; in which order does not matter but to the last digits. */
export function figuresOf(
  { outcomes, values }: JudgedHeads,
  parts: readonly ScoredRows[],
): OutcomeFigures[] {
  return outcomes.map((outcome, head) => {
    const known = knownOf(parts, head, outcomes.length);
    const scale = values[head];
    return scale ? ofValue(outcome, known, scale) : ofChance(outcome, known);
  });
}

/** The same outcome in several counts. */
export function judgedTogether(
  a: Readonly<Record<string, JudgedCounts>>,
  b: Readonly<Record<string, JudgedCounts>>,
): Readonly<Record<string, JudgedCounts>> {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(names.map((name) => [name, judgedSum(a[name] ?? {}, b[name] ?? {})]));
}

interface KnownRows {
  readonly logits: Float64Array;
  readonly labels: Float64Array;
  readonly weights: Float64Array;
}

function knownOf(parts: readonly ScoredRows[], head: number, heads: number): KnownRows {
  const logits: number[] = [];
  const labels: number[] = [];
  const weights: number[] = [];
  for (const part of parts)
    for (let i = head; i < part.logits.length; i += heads) {
      if (!(part.weights[i]! > 0)) continue;
      logits.push(part.logits[i]!);
      labels.push(part.labels[i]!);
      weights.push(part.weights[i]!);
    }
  return {
    logits: Float64Array.from(logits),
    labels: Float64Array.from(labels),
    weights: Float64Array.from(weights),
  };
}

function ofChance(outcome: string, { logits, labels, weights }: KnownRows): OutcomeFigures {
  let [loss, predicted, came, all, positives] = [0, 0, 0, 0, 0];
  logits.forEach((logit, i) => {
    const p = sigmoid(logit);
    loss += weights[i]! * logloss(p, labels[i]!);
    predicted += weights[i]! * p;
    came += weights[i]! * labels[i]!;
    all += weights[i]!;
    positives += labels[i]! === 1 ? 1 : 0;
  });
  return {
    ...{ outcome, rows: logits.length, positives },
    ...{ auc: auc(logits, labels), logloss: loss / all, calibration: predicted / came },
  };
}

function ofValue(outcome: string, rows: KnownRows, scale: ValueTransform): OutcomeFigures {
  const { logits, labels, weights } = rows;
  let [squares, predicted, came, all, positives] = [0, 0, 0, 0, 0];
  logits.forEach((logit, i) => {
    const value = valueAt(scale, logit);
    const label = valueAt(scale, labels[i]!);
    squares += weights[i]! * (value - label) ** 2;
    predicted += weights[i]! * value;
    came += weights[i]! * label;
    all += weights[i]!;
    positives += label !== 0 ? 1 : 0;
  });
  return {
    ...{ outcome, rows: logits.length, positives },
    ...{ rmse: Math.sqrt(squares / all), calibration: predicted / came },
  };
}
