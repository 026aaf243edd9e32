import { itemLoadText } from './item-load-text.js';
import { isBalanced, type ImportReport } from '../operations/import/import-report.js';

const counted = (count: number): string => count.toLocaleString('en-US');

const plural = (count: number, one: string): string =>
  `${counted(count)} ${count === 1 ? one : `${one}s`}`;

/** What became of an import: every row of events in one place. */
export function importTable(report: ImportReport): string[] {
  const { rows, learned, known, notLearned, wasThere, seconds, perSecond } = report;
  const { items, users, aliases } = rows;
  const of = [plural(items, 'item'), plural(users, 'user'), plural(aliases, 'login')].join(', ');
  if (wasThere)
    return [
      ...catalogLines(report),
      `${counted(rows.eventRows)} rows of events: ${counted(rows.eventRows)} repeated, nothing learned (import ${report.name} is whole)`,
    ];
  const types = Object.entries(rows.byType).map(
    ([type, count]) => [type === '' ? 'click' : type, count] as const,
  );
  const also = [
    ['repeated', rows.repeated],
    ['that can not be read', rows.refusedEvents],
    ['of no time that has been', rows.timeless],
  ] as const;
  const parts = [...types, ...also.filter(([, count]) => count > 0)];
  return [
    `${of}, ${counted(rows.events)} events in ${seconds.toFixed(1)} s${perSecond > 0 ? ` (${counted(Math.round(perSecond))} events/s)` : ''}`,
    `rows of events: ${counted(rows.eventRows)} = ${parts.map(([name, count]) => `${counted(count)} ${name}`).join(' + ')}`,
    `events: ${counted(rows.events)} = ${[
      `${counted(learned)} learned`,
      ...notLearned.map(({ reason, events }) => `${counted(events)} not: ${reason}`),
      ...(known === 0 ? [] : [`${counted(known)} told before, by their ids`]),
    ].join(' + ')}`,
    ...notLearned.map(({ reason, example }) => `  ${reason}: as ${example}`),
    ...unseenLines(report),
    ...judgedLines(report),
    ...catalogLines(report),
    ...(isBalanced(report) ? [] : ['these do not add up: starling audit says what is missing']),
  ];
}

function catalogLines({ catalog }: ImportReport): string[] {
  return catalog ? [`catalog: ${itemLoadText(catalog)}`] : [];
}

function unseenLines({ unseen }: ImportReport): string[] {
  if (unseen === 0) return [];
  return [
    `${counted(unseen)} events were told before, live or by another import: histories and counts of the cluster have them, the features by which these were learned have not`,
  ];
}

function judgedLines({ judged, judgedEvents }: ImportReport): string[] {
  if (judged.length === 0) return [];
  const each = judged.map(
    ({ outcome, auc, happened, drawn, calibration }) =>
      `  ${outcome}: AUC ${auc.toFixed(3)}, calibration ${calibration.toFixed(3)} (${counted(happened)} against ${counted(drawn)})`,
  );
  return [
    `before the label, the last ${counted(judgedEvents)} events against items drawn as often as others chose them:`,
    ...each,
  ];
}
