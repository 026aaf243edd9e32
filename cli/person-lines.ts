import type { PersonReport } from '../operations/person/person-report.js';
import { table } from './text-table.js';

/** Where somebody still is, and until when. */
export function linesOf(report: PersonReport): string[] {
  const { names, inUse, logs, silent } = report;
  const rows = [
    ...inUse.map(({ where, what }) => [where, what, 'until erased']),
    ...logs.map(({ stream, messages, goneByMs }) => [stream, countOf(messages), untilOf(goneByMs)]),
    ...Object.entries(silent).map(([dataCenter, why]) => [dataCenter, `was not asked: ${why}`, '']),
  ];
  return [
    ...(rows.length > 0 ? table(['where', `of ${names.join(', ')}`, 'until'], rows) : []),
    ...(inUse.length === 0 ? [`nothing of ${names.join(', ')} is in use`] : []),
    'rows of items, categories and of whatever people share keep what they learned; so does the network',
  ];
}

export function documentOf(report: PersonReport): object {
  const { logs, erasedUntilMs, ...rest } = report;
  return {
    ...rest,
    erasedUntil: erasedUntilMs === null ? null : new Date(erasedUntilMs).toISOString(),
    logs: logs.map(({ stream, messages, goneByMs }) => ({
      ...{ stream, messages },
      goneBy: goneByMs === undefined ? null : new Date(goneByMs).toISOString(),
    })),
  };
}

function countOf(messages: number): string {
  return messages === 1 ? '1 message' : `${messages} messages`;
}

function untilOf(goneByMs: number | undefined): string {
  return goneByMs === undefined
    ? 'the next snapshots, which trim it'
    : `${new Date(goneByMs).toISOString()}, by age`;
}
