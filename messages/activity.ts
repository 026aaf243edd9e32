import type { Activity } from '../core/base/activity.js';
import { at, f64, noneOf, text, u32, u8 } from '../core/base/columns.js';
import type { PlacedActivity } from '../core/joining/types.js';
import { asFields, asMessage, number, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { columnsOf, packedAll, rowCountOf } from './column-checks.js';
import { changeNoticeIn, ownOf, type ChangeNotice } from './features.js';

/** Numbers are for ever. */
const kinds = { event: 0, shown: 1, outcome: 2, merged: 3, erased: 4 } as const;

/**
 * What people did, in the order in which a joiner says it. A row is told apart from others of the same joiner by its place: the
 * record of JOIN that it comes of, and its number among what comes of it.
 */
const activityTable = {
  kinds: u8(),
  persons: text(),
  /** Of the merged: who they were. */
  visitors: text(),
  items: text(),
  /** Types of events, names of outcomes. */
  types: text(),
  atMs: f64(),
  /** Values of events, labels of outcomes. */
  values: f64(),
  orders: text(),
  /** Of events their own, of outcomes those of requests. */
  ids: text(),
  sequences: f64(),
  indexes: u32(),
} as const;

export interface ActivityMessage {
  /** The joiner, by its index. */
  readonly source: number;
  readonly rows: readonly PlacedActivity[];
}

export function activityMessage({ source, rows }: ActivityMessage) {
  const columns = emptyColumns(rows.length);
  rows.forEach(({ activity, sequence, index }, row) => {
    columns.kinds[row] = kinds[activity.kind];
    columns.sequences[row] = sequence;
    columns.indexes[row] = index;
    write(columns, row, activity);
  });
  return {
    ...{ v: protocolVersion, kind: 'activity', source, rowCount: rows.length },
    ...(rows.length > 0 ? packedAll(columns) : noneOf(activityTable)),
  };
}

/** One pass over the rows: a joiner says three things of each impression. */
function emptyColumns(count: number) {
  const texts = (): string[] => new Array<string>(count).fill('');
  return {
    kinds: new Uint8Array(count),
    persons: texts(),
    visitors: texts(),
    items: texts(),
    types: texts(),
    atMs: new Float64Array(count).fill(NaN),
    values: new Float64Array(count).fill(NaN),
    orders: texts(),
    ids: texts(),
    sequences: new Float64Array(count),
    indexes: new Uint32Array(count),
  };
}

function write(columns: ReturnType<typeof emptyColumns>, row: number, activity: Activity): void {
  switch (activity.kind) {
    case 'event':
      columns.types[row] = activity.type;
      columns.values[row] = activity.value;
      columns.orders[row] = activity.order;
      columns.ids[row] = activity.id;
      return writePair(columns, row, activity);
    case 'shown':
      return writePair(columns, row, activity);
    case 'outcome':
      columns.types[row] = activity.outcome;
      columns.values[row] = activity.label;
      columns.ids[row] = activity.requestId;
      return writePair(columns, row, activity);
    case 'merged':
      columns.persons[row] = activity.user;
      columns.visitors[row] = activity.visitor;
      return;
    case 'erased':
      columns.persons[row] = activity.person;
  }
}

function writePair(
  columns: ReturnType<typeof emptyColumns>,
  row: number,
  { person, item, atMs }: { readonly person: string; readonly item: string; readonly atMs: number },
): void {
  columns.persons[row] = person;
  columns.items[row] = item;
  columns.atMs[row] = atMs;
}

/** @throws StarlingError BAD_MESSAGE */
export function parseActivity(value: unknown): ActivityMessage {
  const what = 'activity';
  const fields = asMessage(value, what);
  const rowCount = rowCountOf(fields, what);
  const columns = columnsOf(activityTable, fields, what, rowCount);
  const rows = Array.from({ length: rowCount }, (_unused, row) => ({
    activity: activityAt(columns, row),
    sequence: at(columns.sequences, row),
    index: at(columns.indexes, row),
  }));
  return { source: number(fields, 'source', what), rows };
}

function activityAt(
  columns: ReturnType<typeof columnsOf<typeof activityTable>>,
  row: number,
): Activity {
  const kind = at(columns.kinds, row);
  const person = at(columns.persons, row);
  const item = at(columns.items, row);
  const atMs = at(columns.atMs, row);
  const value = at(columns.values, row);
  const type = at(columns.types, row);
  const id = at(columns.ids, row);
  switch (kind) {
    case kinds.event:
      return { kind: 'event', person, type, item, id, atMs, value, order: at(columns.orders, row) };
    case kinds.shown:
      return { kind: 'shown', person, item, atMs };
    case kinds.outcome:
      return { kind: 'outcome', person, outcome: type, label: value, item, requestId: id, atMs };
    case kinds.merged:
      return { kind: 'merged', user: person, visitor: at(columns.visitors, row) };
    case kinds.erased:
      return { kind: 'erased', person };
    default:
      throw wrong('activity', 'kinds', `one of ${Object.values(kinds).join(', ')}`, kind);
  }
}

/** `sequence` is of ACTIVITY. */
export interface ActivityNotice extends ChangeNotice {
  /** See `KeptReply.own`. */
  readonly own: number;
}

/** That what is kept of entities is another than before, in a data center. */
export function activityNotice({ own, ...notice }: ActivityNotice) {
  return { v: protocolVersion, kind: 'kept-changed', ...notice, ...(own > 0 ? { own } : {}) };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseActivityNotice(value: unknown): ActivityNotice {
  const what = 'activity notice';
  const notice = changeNoticeIn(value, what);
  return { ...notice, own: ownOf(asFields(value, what), what) };
}
