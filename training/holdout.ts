import { judgedSum, type JudgedCounts } from '../core/model/judged-scores.js';
import { sigmoid } from '../core/model/calibration.js';
import { auc } from '../core/model/metrics.js';
import { Judge } from '../core/evaluation/quality.js';
import type { Prediction } from '../importing/predictions-file.js';
import type { HeldRow } from './held-rows.js';
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
  /** These and the entropy of a chance: see core/evaluation/quality.ts. */
  readonly withinUserAuc?: number;
  readonly prAuc?: number;
  readonly normalisedEntropy?: number;
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

/** What the model says of the holdout, row by row as samples came. */
export interface HeldScores extends JudgedHeads {
  readonly scores: ScoredRows;
  readonly rows: readonly HeldRow[];
}

/**
 * Brings what threads have scored back into the order of samples: each has its share of each block (batch-learner.ts).
 *
 * @param blockRows rows of each block but the last.
 */
export function rowsInOrder(
  parts: readonly ScoredRows[],
  {
    rows,
    blockRows,
    heads,
  }: { readonly rows: number; readonly blockRows: number; readonly heads: number },
): ScoredRows {
  const all = {
    logits: new Float32Array(rows * heads),
    labels: new Float32Array(rows * heads),
    weights: new Float32Array(rows * heads),
  };
  const from = parts.map(() => 0);
  for (let block = 0; block < rows; block += blockRows) {
    const length = Math.min(blockRows, rows - block);
    parts.forEach((part, thread) => {
      const start = Math.floor((thread * length) / parts.length);
      const end = Math.floor(((thread + 1) * length) / parts.length);
      const at = from[thread]!;
      from[thread] = at + (end - start) * heads;
      for (const name of ['logits', 'labels', 'weights'] as const)
        all[name].set(part[name].subarray(at, from[thread]), (block + start) * heads);
    });
  }
  return all;
}

export function figuresOf({ outcomes, values, scores, rows }: HeldScores): OutcomeFigures[] {
  const users = numbered(rows.map(({ user }) => user));
  return outcomes.map((outcome, head) => {
    const known = knownOf(scores, users, head, outcomes.length);
    const scale = values[head];
    return scale ? ofValue(outcome, known, scale) : ofChance(outcome, known);
  });
}

/** What was said of each row and outcome of which the label is known; of values, in their own unit. */
export function* predictionsOf(
  { outcomes, values, scores, rows }: HeldScores,
  version: string,
): Generator<Prediction, void, undefined> {
  const heads = outcomes.length;
  for (const [row, { request, user, item, atMs }] of rows.entries())
    for (const [head, outcome] of outcomes.entries()) {
      const place = row * heads + head;
      if (!(scores.weights[place]! > 0) || values[head]) continue;
      yield {
        ...{ request, user, item, outcome, version, atMs, rival: NaN },
        ...{ p: sigmoid(scores.logits[place]!), label: scores.labels[place]! },
        weight: scores.weights[place]!,
      };
    }
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
  readonly users: Uint32Array;
}

function knownOf(
  { logits, labels, weights }: ScoredRows,
  users: Uint32Array,
  head: number,
  heads: number,
): KnownRows {
  const places = [...users.keys()]
    .map((row) => row * heads + head)
    .filter((place) => weights[place]! > 0);
  return {
    logits: Float64Array.from(places, (place) => logits[place]!),
    labels: Float64Array.from(places, (place) => labels[place]!),
    weights: Float64Array.from(places, (place) => weights[place]!),
    users: numbered(places.map((place) => users[(place - head) / heads]!)),
  };
}

/** In the order in which they come, from 0 on. */
function numbered(ids: readonly (string | number)[]): Uint32Array {
  const known = new Map<string | number, number>();
  return Uint32Array.from(ids, (id) => {
    const number = known.get(id) ?? known.size;
    if (number === known.size) known.set(id, number);
    return number;
  });
}

function ofChance(outcome: string, { logits, labels, weights, users }: KnownRows): OutcomeFigures {
  const scores = logits.map(sigmoid);
  const judge = new Judge({ scores, labels, weights, users });
  const { withinUserAuc, prAuc, logloss, normalisedEntropy, calibration } = judge.quality();
  return {
    ...{ outcome, rows: logits.length, positives: judge.counts.positives },
    ...{ auc: auc(logits, labels), withinUserAuc, prAuc, logloss, normalisedEntropy, calibration },
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
