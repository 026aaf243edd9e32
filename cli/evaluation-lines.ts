import type { Duel, Interval } from '../core/evaluation/bootstrap.js';
import type { Evaluated, EvaluatedOutcome } from '../core/evaluation/prediction-report.js';
import type { Quality } from '../core/evaluation/quality.js';
import type { Bounded, ScoreHistogram } from '../core/evaluation/score-histogram.js';
import { table } from './text-table.js';

const count = (value: number): string => value.toLocaleString('en-US');
export const figure = (value: number, digits = 4): string =>
  Number.isFinite(value) ? value.toFixed(digits) : '–';

const names = [
  ['AUC', 'auc', 4],
  ['within users', 'withinUserAuc', 4],
  ['PR-AUC', 'prAuc', 4],
  ['NDCG', 'ndcg', 4],
  ['log loss', 'logloss', 4],
  ['entropy', 'normalisedEntropy', 4],
  ['calibration', 'calibration', 3],
] as const satisfies readonly (readonly [string, keyof Quality, number])[];

const units = { user: 'users', request: 'requests', row: 'rows' } as const;

/** What was found, for a person. Figures that can't be said of any row are left out. */
export function evaluationLines(outcomes: readonly EvaluatedOutcome[]): string[] {
  return outcomes.flatMap((outcome, i) => [...(i > 0 ? [''] : []), ...outcomeLines(outcome)]);
}

function outcomeLines(of: EvaluatedOutcome): string[] {
  const shown = names.filter(([, name]) =>
    [of, ...of.slices].some(({ quality }) => Number.isFinite(quality[name])),
  );
  const line = (title: string, { counts, quality }: Evaluated): string[] => [
    ...[title, count(counts.rows), figure(counts.rate)],
    ...shown.map(([, name, digits]) => figure(quality[name], digits)),
  ];
  const head = [of.outcome, 'rows', 'rate', ...shown.map(([title]) => title)];
  const rows = [line('all', of)];
  if (of.intervals) rows.push(['', '', '', ...shown.map(intervalOf(of.intervals))]);
  for (const slice of of.slices) {
    rows.push(line(`${slice.column} ${slice.value === '' ? '–' : slice.value}`, slice));
    if (slice.intervals) rows.push(['', '', '', ...shown.map(intervalOf(slice.intervals))]);
  }
  const ratios = of.deciles.map(({ ratio }) => figure(ratio, 2));
  return [
    ...table(head, rows),
    ...(ratios.length > 0 ? [`  calibration by tenths of the score: ${ratios.join('  ')}`] : []),
    ...(of.slicesLeftOut > 0 ? [`  ${count(of.slicesLeftOut)} smaller slices are not shown`] : []),
    ...(of.intervals ? [`  intervals: 95 % of bootstraps that draw ${units[of.unit]}`] : []),
    ...(of.duel ? duelLines(of.duel) : []),
  ];
}

const intervalOf =
  (intervals: Readonly<Record<keyof Quality, Interval>>) =>
  ([, name, digits]: (typeof names)[number]): string =>
    intervals[name].map((end) => figure(end, digits)).join('…');

/** Theirs against ours, of the same rows. */
function duelLines({ ours, theirs, difference, intervals, counts, unit }: Duel): string[] {
  const shown = names.filter(
    ([, name]) => Number.isFinite(ours[name]) || Number.isFinite(theirs[name]),
  );
  const signed = (value: number, digits: number): string =>
    `${value > 0 ? '+' : ''}${figure(value, digits)}`;
  return [
    `  duel of ${count(counts.rows)} rows, scored before the label by both`,
    ...table(
      ['', ...shown.map(([title]) => title)],
      [
        ['theirs', ...shown.map(([, name, digits]) => figure(theirs[name], digits))],
        ['ours', ...shown.map(([, name, digits]) => figure(ours[name], digits))],
        ['difference', ...shown.map(([, name, digits]) => signed(difference[name], digits))],
        ['95 % of it', ...shown.map(intervalOf(intervals))],
      ],
    ),
    // Without a draw there is no interval to judge by.
    ...(Number.isFinite(intervals.auc[0]) ? [`  ${verdictOf(intervals.auc, unit)}`] : []),
  ];
}

function verdictOf([low, high]: Interval, unit: Duel['unit']): string {
  const of = `bootstraps that draw ${units[unit]}`;
  if (low > 0) return `ours orders better: 95 % of ${of} say so by ${figure(low)} of AUC or more`;
  if (high < 0) return `theirs orders better: 95 % of ${of} say so by ${figure(-high)} or more`;
  return `which orders better these rows do not say: 0 is within 95 % of ${of}`;
}

export function histogramLines(histograms: ReadonlyMap<string, ScoreHistogram>): string[] {
  const bounded = ({ value, low, high }: Bounded): string =>
    `${figure(value)} (${figure(low)}…${figure(high)})`;
  return table(
    ['outcome', 'rows', 'rate', 'AUC', 'PR-AUC', 'log loss', 'entropy', 'calibration'],
    [...histograms].map(([outcome, of]) => [
      ...[outcome, count(of.rows), figure(of.rate), bounded(of.auc), bounded(of.averagePrecision)],
      ...[figure(of.logloss), figure(of.normalisedEntropy), figure(of.calibration, 3)],
    ]),
  );
}
