import { basename } from 'node:path';
import type { StarlingError } from '../core/base/errors.js';
import { toldContext } from '../core/features/origin.js';
import type { FeatureSpec } from '../core/features/feature-spec.js';
import { preview } from '../core/features/preview.js';
import { unknownFeature } from '../core/features/transform.js';
import { type CsvBatch, invalidFile, readCsv } from './csv-file.js';
import { FileTimes, type FileTimesOptions } from '../importing/file-times.js';

/**
 * The files of real interactions that a replay and batch training read. Events are held by column and in time order:
 * 100,000 of them take 2.5 MB beside the strings, each of which is held once.
 */
export interface EventTable {
  readonly count: number;
  /** Seconds since 1970, ascending; events of one second keep the order of the file. */
  readonly timestamps: Float64Array;
  readonly users: readonly string[];
  readonly items: readonly string[];
  /** 1 where the user liked it. */
  readonly labels: Uint8Array;
  /** The other columns, each with a value for every event; '' where there is none. */
  readonly context: Readonly<Record<string, readonly string[]>>;
  /** Columns that no request is sent with. */
  readonly beside?: EventsBeside | undefined;
}

/** What a file says of its events that nobody is to learn from. */
export interface EventsBeside {
  /** Events that were offered together; '' where it is not told. */
  readonly requests?: readonly string[] | undefined;
  /** What another system said of each, NaN where it said nothing. f64 [events] */
  readonly rival?: Float64Array | undefined;
}

/** A user or item with its features by column; '' where there is none. */
export interface EntityRecord {
  readonly id: string;
  readonly features: Readonly<Record<string, string>>;
}

/** Positions in this list are used below. */
const eventColumns = ['timestamp', 'user', 'item', 'label'];

/**
 * Reads `timestamp,user,item,label` and any context columns, sorted by timestamp: seconds or milliseconds
 * since 1970, or ISO 8601. Rows whose date is so far away that it stands for none are left out, and told.
 *
 * @throws StarlingError FILE_INVALID naming file, line and field.
 */
export async function readEvents(
  path: string,
  options: FileTimesOptions = {},
): Promise<EventTable> {
  const times = new FileTimes(basename(path), options);
  const builder = createTableBuilder(path, times);
  for await (const batch of readCsv(path, eventColumns)) builder.append(batch);
  times.tell();
  if (builder.table().count === 0) {
    throw invalidFile(path, 'timestamp: expected times before 2096; there is no such row', {
      field: 'timestamp',
    });
  }
  return sortedByTime(builder.table());
}

/**
 * Reads `item,…` or `user,…`, in the order of the file.
 *
 * @throws StarlingError FILE_INVALID naming file, line and field; two rows of one id are an error too.
 */
export async function readEntities(path: string, entity: 'item' | 'user'): Promise<EntityRecord[]> {
  const records: EntityRecord[] = [];
  const lineOf = new Map<string, number>();
  for await (const { columns, rows, lines } of readCsv(path, [entity])) {
    const idColumn = columns.indexOf(entity);
    const others = columns
      .map((name, column) => ({ name, column }))
      .filter((c) => c.name !== entity);
    for (let r = 0; r < rows.length; r++) {
      const row = rows[r]!;
      const line = lines[r]!;
      const id = row[idColumn]!;
      if (id === '') throw emptyField(path, entity, line);
      const earlier = lineOf.get(id);
      if (earlier !== undefined) {
        const text = `${entity} ${preview(id)} is already on line ${earlier}; expected one row for each ${entity}`;
        throw invalidFile(path, text, { line, field: entity });
      }
      lineOf.set(id, line);
      const features = Object.fromEntries(others.map(({ name, column }) => [name, row[column]!]));
      records.push({ id, features });
    }
  }
  return records;
}

const requestColumns = ['request', 'request_id'];

/**
 * Takes out of the context what is no feature: the score of another system, and a column of requests, unless that is declared to be one.
 *
 * @throws StarlingError FILE_INVALID where there is no such column, or something in it is no number.
 */
export function takenBeside(
  path: string,
  table: EventTable,
  { rivalColumn, spec }: { readonly rivalColumn: string | undefined; readonly spec: FeatureSpec },
): EventTable {
  const context = { ...table.context };
  const declared = new Set(toldContext(spec));
  const requestColumn = requestColumns.find((name) => context[name] && !declared.has(name));
  const beside = {
    rival: rivalColumn === undefined ? undefined : rivalScores(path, context, rivalColumn),
    requests: requestColumn === undefined ? undefined : context[requestColumn],
  };
  for (const name of [requestColumn, declared.has(rivalColumn ?? '') ? undefined : rivalColumn])
    if (name !== undefined) delete context[name];
  return { ...table, context, beside };
}

function rivalScores(path: string, context: EventTable['context'], column: string): Float64Array {
  const texts = context[column];
  if (!texts) {
    const there = [...eventColumns, ...Object.keys(context)].join(', ');
    throw invalidFile(path, `expected a column ${column} of scores; got ${there}`, {
      field: column,
    });
  }
  return Float64Array.from(texts, (text) => {
    const score = text.trim() === '' ? NaN : Number(text);
    if (text.trim() === '' || Number.isFinite(score)) return score;
    throw invalidFile(path, `${column}: expected a number; got ${preview(text)}`, {
      field: column,
    });
  });
}

/**
 * Every extra column of the events must be a declared context feature: a column that is silently not learned from would
 * look like a poor model.
 *
 * @throws StarlingError UNKNOWN_FEATURE naming the column.
 */
export function checkColumns(table: EventTable, spec: FeatureSpec): void {
  const sources = new Set(toldContext(spec));
  for (const name of Object.keys(table.context))
    if (!sources.has(name)) throw unknownFeature('context', name, sources);
}

/** Appends batches to growing columns. */
function createTableBuilder(path: string, times: FileTimes) {
  let count = 0;
  let timestamps = new Float64Array(4096);
  let labels = new Uint8Array(4096);
  const users: string[] = [];
  const items: string[] = [];
  const context = new Map<string, string[]>();
  const intern = createInterner();

  const appendRow = (row: readonly string[], line: number, at: readonly number[]): boolean => {
    const user = row[at[1]!]!;
    const item = row[at[2]!]!;
    if (user === '') throw emptyField(path, 'user', line);
    if (item === '') throw emptyField(path, 'item', line);
    labels[count] = labelOf(path, row[at[3]!]!, line);
    const time = secondsOf(path, row[at[0]!]!, line, times);
    if (time === 'never') return false;
    timestamps[count] = time;
    users.push(intern(user));
    items.push(intern(item));
    count++;
    return true;
  };
  return {
    append({ columns, rows, lines }: CsvBatch): void {
      if (count + rows.length > labels.length) {
        const capacity = 2 * (count + rows.length);
        timestamps = grown(timestamps, new Float64Array(capacity));
        labels = grown(labels, new Uint8Array(capacity));
      }
      const at = eventColumns.map((name) => columns.indexOf(name));
      const kept = rows.filter((row, r) => appendRow(row, lines[r]!, at));
      for (const [column, name] of columns.entries()) {
        if (eventColumns.includes(name)) continue;
        const values = context.get(name) ?? [];
        context.set(name, values);
        for (const row of kept) values.push(intern(row[column]!));
      }
    },
    table: (): EventTable => ({
      count,
      timestamps: timestamps.slice(0, count),
      users,
      items,
      labels: labels.slice(0, count),
      context: Object.fromEntries(context),
    }),
  };
}

/** One string object for each distinct text: a file of a million events may name a thousand users. */
function createInterner(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const first = known.get(text);
    if (first !== undefined) return first;
    known.set(text, text);
    return text;
  };
}

function grown<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function secondsOf(path: string, text: string, line: number, times: FileTimes): number | 'never' {
  const seconds = times.read(text, `line ${line}`);
  if (seconds !== undefined) return seconds;
  const expected = 'expected seconds or milliseconds since 1970, or ISO 8601';
  const message = `timestamp: ${expected}; got ${preview(text)}`;
  throw invalidFile(path, message, { line, field: 'timestamp' });
}

function labelOf(path: string, text: string, line: number): number {
  if (text === '0') return 0;
  if (text === '1') return 1;
  const message = `label: expected 0 or 1; got ${preview(text)}`;
  throw invalidFile(path, message, { line, field: 'label' });
}

function emptyField(path: string, field: string, line: number): StarlingError {
  return invalidFile(path, `${field}: expected an id; got nothing`, { line, field });
}

/** Stable: `sort` keeps equal elements in order. A file in time order, the usual case, is not copied. */
function sortedByTime(table: EventTable): EventTable {
  const { count, timestamps } = table;
  let sorted = true;
  for (let i = 1; i < count && sorted; i++) sorted = timestamps[i - 1]! <= timestamps[i]!;
  if (sorted) return table;
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => timestamps[a]! - timestamps[b]! || a - b);
  const pick = <T>(values: readonly T[]): T[] => Array.from(order, (i) => values[i]!);
  return {
    count,
    timestamps: Float64Array.from(order, (i) => timestamps[i]!),
    users: pick(table.users),
    items: pick(table.items),
    labels: Uint8Array.from(order, (i) => table.labels[i]!),
    context: Object.fromEntries(
      Object.entries(table.context).map(([name, values]) => [name, pick(values)]),
    ),
  };
}
