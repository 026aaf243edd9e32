import type { OutcomeFigures } from '../training/holdout.js';
import type { TrainingProgress, TrainingResult } from '../training/run-training.js';
import { table } from './text-table.js';

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const figure = (value: number | undefined): string =>
  value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(4);

/** One line for the person who waits. */
export function trainingProgressLine(progress: TrainingProgress): string {
  const { phase, done, total, rate, secondsLeft, epoch, loss, auc = {} } = progress;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const what = phase === 'samples' ? 'events' : 'samples';
  const aucs = Object.entries(auc).filter(([, value]) => Number.isFinite(value));
  return [
    `${(100 * share).toFixed(0).padStart(3)} %`,
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    `${count(done)} of ${count(total)} ${what}`,
    ...(rate > 0 ? [`${count(rate)}/s`] : []),
    ...(loss === undefined || !Number.isFinite(loss) ? [] : [`loss ${figure(loss)}`]),
    ...(aucs.length === 0
      ? []
      : [`AUC before ${aucs.map(([name, value]) => `${name} ${figure(value)}`).join(', ')}`]),
    ...(Number.isFinite(secondsLeft) ? [`${durationOf(secondsLeft)} left`] : []),
  ].join(' · ');
}

/** What was trained, for a person. */
export function trainingLines(result: TrainingResult, out: string): string[] {
  const { samples, epochs, threads, seconds, samplesPerSecond, events, notLearned } = result;
  return [
    `${count(events)} events, ${count(samples.train)} samples learned in ${plural(epochs, 'epoch')} by ${plural(threads, 'thread')}: ${durationOf(seconds)}, ${count(samplesPerSecond)}/s`,
    ...notLearned.map(
      ({ reason, events: of, example }) => `  not learned: ${count(of)}, ${reason} (${example})`,
    ),
    ...(result.refusedSteps > 0
      ? [`  ${plural(result.refusedSteps, 'step')} refused: gradients were not finite`]
      : []),
    '',
    'before the label, first epoch',
    ...table(
      ['outcome', 'AUC', 'PR-AUC', 'log loss', 'entropy', 'calibration'],
      Object.entries(result.before).map(([name, of]) => [
        ...[name, figure(of.auc), figure(of.prAuc), figure(of.logloss)],
        ...[figure(of.normalisedEntropy), figure(of.calibration)],
      ]),
    ),
    ...holdoutLines(result),
    '',
    `written to ${out}: ${result.snapshot}, digest ${result.digest}`,
  ];
}

function holdoutLines({ holdout, holdoutFromMs, samples }: TrainingResult): string[] {
  if (holdoutFromMs === undefined) return [];
  const late =
    samples.late > 0 ? `; ${count(samples.late)} of before, known only later, left out` : '';
  return [
    '',
    `holdout: ${count(samples.holdout)} samples from ${new Date(holdoutFromMs).toISOString()} on${late}`,
    ...table(
      [
        ...['outcome', 'rows', 'positives', 'AUC', 'within users', 'PR-AUC'],
        ...['log loss', 'entropy', 'RMSE', 'calibration'],
      ],
      holdout.map((each: OutcomeFigures) => [
        each.outcome,
        count(each.rows),
        count(each.positives),
        figure(each.auc),
        figure(each.withinUserAuc),
        figure(each.prAuc),
        figure(each.logloss),
        figure(each.normalisedEntropy),
        figure(each.rmse),
        figure(each.calibration),
      ]),
    ),
  ];
}

function plural(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? '' : 's'}`;
}

function durationOf(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${Math.round(seconds % 60)} s`;
}
