import type { Fields } from '../messages/checks.js';
import { asFields, number, text, wrong } from '../messages/checks.js';

export interface RecommendedItem {
  readonly item: string;
  /** Probability of what the model was taught to hope for, such as a click. */
  readonly score: number;
}

export interface Recommendation {
  /** Best first. */
  readonly items: readonly RecommendedItem[];
  /** Actions name it, so that they find the impressions they belong to. */
  readonly requestId: string;
  readonly modelVersion: number;
  /** Where it was answered. */
  readonly dataCenter: string;
  /** Some rows could not be had, and default ones were used. */
  readonly degraded: boolean;
}

export interface Ranking {
  /** Probability per candidate, in the order asked for. */
  readonly scores: readonly number[];
  readonly modelVersion: number;
  readonly dataCenter: string;
  readonly degraded: boolean;
}

export function parseRecommendation(value: unknown): Recommendation {
  const what = 'recommend reply';
  const fields = asFields(value, what);
  const items = listOf(fields, 'items', what).map((each, i) => {
    const at = `${what}.items[${i}]`;
    const item = asFields(each, at);
    return { item: text(item, 'item', at), score: number(item, 'score', at) };
  });
  return { items, requestId: text(fields, 'requestId', what), ...origin(fields, what) };
}

export function parseRanking(value: unknown, candidateCount: number): Ranking {
  const what = 'rank reply';
  const fields = asFields(value, what);
  const scores = listOf(fields, 'scores', what);
  if (scores.length !== candidateCount || scores.some((score) => typeof score !== 'number')) {
    throw wrong(what, 'scores', `${candidateCount} numbers`, scores);
  }
  return { scores: scores as number[], ...origin(fields, what) };
}

function origin(fields: Fields, what: string) {
  return {
    modelVersion: number(fields, 'modelVersion', what),
    dataCenter: text(fields, 'dataCenter', what),
    degraded: fields['degraded'] === true,
  };
}

function listOf(fields: Fields, name: string, what: string): unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw wrong(what, name, 'a list', value);
  return value;
}
