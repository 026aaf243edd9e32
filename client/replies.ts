import { mainModel } from '../core/base/model-identity.js';
import type { Fields } from '../messages/checks.js';
import { asFields, number, text, wrong } from '../messages/checks.js';
import { settingsVersionOf } from '../messages/ranking.js';

export interface RecommendedItem {
  readonly item: string;
  /** What items are ordered by: the probability of what is hoped for, where one outcome is predicted. */
  readonly score: number;
  /** Of several outcomes, their probabilities, and the values of those that predict one. */
  readonly outcomes?: Readonly<Record<string, number>>;
  /** Those that were asked for, as far as the item has them. Missing where nobody knew in time: the answer is `degraded`. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface Recommendation {
  /** Best first. */
  readonly items: readonly RecommendedItem[];
  /** Actions name it, so that they find the impressions they belong to. */
  readonly requestId: string;
  readonly modelVersion: number;
  /** The model that scored (`starling model`). */
  readonly model: string;
  /** Where it was answered. */
  readonly dataCenter: string;
  /** Some rows could not be had, and default ones were used. */
  readonly degraded: boolean;
  /** Of the settings (`starling settings`) that the scores are of; 0: all is as configured. */
  readonly settingsVersion: number;
  /** Where there was a filter: items that it was asked about, those that do not fit, and comparisons that a missing value made false. */
  readonly stages?: {
    readonly candidates: number;
    readonly filtered: number;
    readonly missing?: Readonly<Record<string, number>>;
  };
  /** Why there is nothing, or less than there will be: of a cluster without items, a filter that nothing fits. */
  readonly warnings: readonly string[];
}

export interface Ranking {
  /** Probability per candidate, in the order asked for. */
  readonly scores: readonly number[];
  /** Of several outcomes, their probabilities or values, in the same order. */
  readonly outcomes?: Readonly<Record<string, readonly number[]>>;
  readonly modelVersion: number;
  /** As of a recommendation. */
  readonly model: string;
  readonly dataCenter: string;
  readonly degraded: boolean;
  /** As of a recommendation. */
  readonly settingsVersion: number;
  /** Of candidates that nobody has told anything of. */
  readonly warnings: readonly string[];
}

export function parseRecommendation(value: unknown): Recommendation {
  const what = 'recommend reply';
  const fields = asFields(value, what);
  const items = listOf(fields, 'items', what).map((each, i) => {
    const at = `${what}.items[${i}]`;
    const item = asFields(each, at);
    return {
      item: text(item, 'item', at),
      score: number(item, 'score', at),
      ...outcomesIn(item, at),
      ...(item['attributes'] === undefined
        ? {}
        : { attributes: asFields(item['attributes'], `${at}.attributes`) }),
    };
  });
  const stages = fields['stages'] as Recommendation['stages'];
  return {
    ...{ items, requestId: text(fields, 'requestId', what), ...origin(fields, what) },
    ...(stages ? { stages } : {}),
  };
}

export function parseRanking(value: unknown, candidateCount: number): Ranking {
  const what = 'rank reply';
  const fields = asFields(value, what);
  const scores = listOf(fields, 'scores', what);
  if (scores.length !== candidateCount || scores.some((score) => typeof score !== 'number')) {
    throw wrong(what, 'scores', `${candidateCount} numbers`, scores);
  }
  const outcomes = fields['outcomes'] as Ranking['outcomes'];
  return {
    scores: scores as number[],
    ...(outcomes ? { outcomes } : {}),
    ...origin(fields, what),
  };
}

function outcomesIn(fields: Fields, what: string) {
  if (fields['outcomes'] === undefined) return {};
  const named = asFields(fields['outcomes'], `${what}.outcomes`);
  for (const name of Object.keys(named)) number(named, name, `${what}.outcomes`);
  return { outcomes: named as Readonly<Record<string, number>> };
}

function origin(fields: Fields, what: string) {
  return {
    modelVersion: number(fields, 'modelVersion', what),
    model: fields['model'] === undefined ? mainModel : text(fields, 'model', what),
    dataCenter: text(fields, 'dataCenter', what),
    degraded: fields['degraded'] === true,
    settingsVersion: settingsVersionOf(fields, what),
    warnings: warningsIn(fields),
  };
}

/** Of a cluster of before there are none. */
function warningsIn({ warnings }: Fields): string[] {
  return Array.isArray(warnings) ? warnings.map(String) : [];
}

function listOf(fields: Fields, name: string, what: string): unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw wrong(what, name, 'a list', value);
  return value;
}
