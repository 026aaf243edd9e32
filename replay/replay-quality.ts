import { duelOf, figures, type BootstrapOptions } from '../core/evaluation/bootstrap.js';
import { Judge, type Quality } from '../core/evaluation/quality.js';
import type { ScoredRows } from '../core/evaluation/scored-rows.js';
import { calibrationByDecile } from '../core/model/deciles.js';
import { RunningQuality, auc } from '../core/model/metrics.js';
import type { ReplayOutcome } from './replay.js';

/** Null stands for a figure that can't be given, such as the AUC of events that are all liked. */
export type Figure = number | null;

export interface QualityWindow {
  /** Event time of its first and last event, seconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly auc: Figure;
  readonly logloss: Figure;
  readonly ctr: Figure;
  readonly count: number;
}

/** Of a tenth of the scores. */
export interface QualityDecile {
  readonly meanScore: number;
  readonly ctr: number;
  readonly calibration: Figure;
}

/** Of the scores that serving gave before each label was known. */
export interface ReplayQuality {
  readonly auc: Figure;
  /** These and `ndcg`: see core/evaluation/quality.ts. */
  readonly withinUserAuc: Figure;
  readonly prAuc: Figure;
  /** Of the requests that the file names; null where it names none. */
  readonly ndcg: Figure;
  readonly logloss: Figure;
  readonly normalisedEntropy: Figure;
  readonly ctr: Figure;
  /** Mean score / share of likes; 1 is calibrated. */
  readonly calibration: Figure;
  /** The same in tenths of the scores, lowest first; fewer where there are fewer events. */
  readonly deciles: readonly QualityDecile[];
  readonly windows: readonly QualityWindow[];
}

/** Theirs against ours on the same events, scored before the label. */
export interface DuelReport {
  /** Of which the file has a score. */
  readonly events: number;
  readonly ours: Readonly<Record<keyof Quality, Figure>>;
  readonly theirs: Readonly<Record<keyof Quality, Figure>>;
  readonly difference: Readonly<Record<keyof Quality, Figure>>;
  /** 95 % of the difference, by a bootstrap of users. */
  readonly intervals: Readonly<Record<keyof Quality, readonly [Figure, Figure]>>;
  /** What NDCG is of: requests that the file names, or all events of a user. */
  readonly lists: 'request' | 'user';
}

const windowCount = 10;

type Scored = Pick<ReplayOutcome, 'scores' | 'labels' | 'timestamps' | 'events'>;

export function qualityOf(outcome: Scored): ReplayQuality {
  const { scores, labels, timestamps } = outcome;
  const count = scores.length;
  const windows: QualityWindow[] = [];
  const used = Math.min(windowCount, count);
  for (let w = 0; w < used; w++) {
    const start = Math.floor((w * count) / used);
    const end = Math.floor(((w + 1) * count) / used);
    const { auc, logloss, ctr } = stretch(scores, labels, start, end);
    const [from, to] = [timestamps[start]!, timestamps[end - 1]!];
    windows.push({ from, to, auc, logloss, ctr, count: end - start });
  }
  const deciles = calibrationByDecile({ scores, labels }).map(({ meanScore, rate, ratio }) => {
    return { meanScore, ctr: rate, calibration: figure(ratio) };
  });
  const quality = new Judge(rowsOf(outcome)).quality();
  return {
    ...stretch(scores, labels, 0, count),
    ...{ withinUserAuc: figure(quality.withinUserAuc), prAuc: figure(quality.prAuc) },
    ...{ ndcg: figure(quality.ndcg), normalisedEntropy: figure(quality.normalisedEntropy) },
    ...{ deciles, windows },
  };
}

/** @returns undefined where the file has no score of another system for any of the events that were scored. */
export function duelReport(outcome: Scored, bootstrap: BootstrapOptions): DuelReport | undefined {
  const { rival, requests } = outcome.events.beside ?? {};
  if (!rival) return undefined;
  const places = [...outcome.scores.keys()].filter((row) => !Number.isNaN(rival[row]!));
  if (places.length === 0) return undefined;
  const all = rowsOf(outcome);
  const users = numbered(places.map((row) => outcome.events.users[row]!));
  const rows = {
    scores: places.map((row) => all.scores[row]!),
    labels: places.map((row) => all.labels[row]!),
    users,
    requests: requests ? numbered(places.map((row) => requests[row]!)) : users,
  };
  const theirs = places.map((row) => rival[row]!);
  const duel = duelOf(rows, theirs, bootstrap);
  return {
    events: places.length,
    ...{ ours: told(duel.ours), theirs: told(duel.theirs), difference: told(duel.difference) },
    intervals: byFigure((name) => {
      const [low, high] = duel.intervals[name];
      return [figure(low), figure(high)] as const;
    }),
    lists: requests ? 'request' : 'user',
  };
}

function rowsOf({ scores, labels, events }: Scored): ScoredRows {
  const { users, beside } = events;
  const count = scores.length;
  const requests = beside?.requests;
  return {
    ...{ scores, labels, users: numbered(users.slice(0, count)) },
    requests: requests && numbered(requests.slice(0, count)),
  };
}

/** Texts as numbers; each '' is one of its own. */
function numbered(texts: readonly string[]): Uint32Array {
  const known = new Map<string, number>();
  let next = 0;
  return Uint32Array.from(texts, (text) => {
    const number = text === '' ? next : (known.get(text) ?? next);
    if (number === next) next++;
    if (text !== '') known.set(text, number);
    return number;
  });
}

function stretch(scores: Float32Array, labels: Uint8Array, start: number, end: number) {
  const quality = new RunningQuality();
  for (let i = start; i < end; i++) quality.add(scores[i]!, labels[i]!);
  return {
    auc: figure(auc(scores, labels, start, end)),
    logloss: figure(quality.logloss),
    ctr: figure(quality.positiveRate),
    calibration: figure(quality.calibration),
  };
}

function told(quality: Quality): Readonly<Record<keyof Quality, Figure>> {
  return byFigure((name) => figure(quality[name]));
}

function byFigure<T>(of: (name: keyof Quality) => T): Readonly<Record<keyof Quality, T>> {
  const entries = figures.map((name) => [name, of(name)] as const);
  return Object.fromEntries(entries) as Record<keyof Quality, T>;
}

/** JSON knows neither NaN nor Infinity. */
export function figure(value: number): Figure {
  return Number.isFinite(value) ? value : null;
}
