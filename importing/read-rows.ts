import { type Problem, Problems } from './problems.js';
import { decimalMarkOf, textOf, writtenNumbers } from './cell-values.js';
import { EntityRows } from './entity-rows.js';
import { EventRows } from './event-rows.js';
import { FileTimes } from './file-times.js';
import { fileError } from './file-error.js';
import type { ImportOptions, MappedFile } from './import-options.js';
import type { FileReport } from './import-report.js';
import { NumberWatch } from './number-watch.js';
import type { Cell, TakeBad } from './row-file.js';
import type { AliasRow, Staging } from './staging.js';

interface Reading {
  readonly times: FileTimes;
  readonly watch: NumberWatch;
  readonly bad: TakeBad;
  readonly unreadable: TakeBad;
}

/** What one kind of files does with its rows. */
interface RowTaker {
  columns(columns: readonly string[]): void;
  take(row: readonly Cell[], line: number): void;
  readonly facts: () => Pick<FileReport, 'timeless' | 'missing'> & { readonly behind?: number };
}

/** Reads one file whole. @returns what is to be said of it. */
export async function readRows(
  mapped: MappedFile,
  index: number,
  staging: Staging,
  options: ImportOptions,
): Promise<FileReport> {
  const { file, mapping } = mapped;
  const notes: string[] = [];
  const times = new FileTimes(file.name, {
    timezone: options.timezone,
    nowSeconds: options.nowMs / 1_000,
    note: (text) => {
      const said = text.slice(file.name.length + 2);
      if (!said.startsWith('times are ')) notes.push(said); // As `times` in the report.
    },
  });
  const refused = new Problems();
  const unreadable = new Problems();
  const watch = new NumberWatch();
  const reading = { times, watch, bad: refused.take, unreadable: unreadable.take };
  const taker = takerOf(mapped, index, staging, options, reading);
  let rows = 0;
  let columns: readonly string[] = file.columns;
  for await (const batch of file.batches(refused.take)) {
    ({ columns } = batch);
    taker.columns(columns);
    for (const [r, row] of batch.rows.entries()) taker.take(row, batch.lines[r]!);
    rows += batch.rows.length;
    options.progress?.(file.name, rows);
  }
  times.tell();
  const lost = lengthMistakes(refused.list());
  return {
    ...{ name: file.name, role: mapping.role, format: file.format },
    ...known({ compression: file.compression, encoding: file.encoding, delimiter: file.delimiter }),
    ...(file.format === 'delimited' ? { decimalMark: decimalMarkOf(file.sample) } : {}),
    rows: rows + lost,
    columns: columns.map((column) => ({ column, becomes: becomes(mapped, column, options) })),
    ...timesOf(mapping, times),
    ...taker.facts(),
    ...{
      notes: [...typeNotes(mapped, options), ...notes, ...watch.notes()],
      refused: refused.list(),
      unreadable: unreadable.list(),
    },
  };
}

/** Types that the file writes otherwise. */
function typeNotes({ mapping }: MappedFile, options: ImportOptions): string[] {
  const named = Object.entries(options.mapping.types ?? {});
  if (named.length === 0 || !mapping.fields.has('type')) return [];
  return [`types: ${named.map(([written, type]) => `${written} → ${type}`).join(', ')}`];
}

function timesOf(
  { role, fields }: MappedFile['mapping'],
  times: FileTimes,
): Pick<FileReport, 'times'> {
  if (fields.has('timestamp')) return { times: times.written };
  return role === 'events' ? { times: 'none: all are taken for the time of the import' } : {};
}

/** Rows that were refused before they were rows. */
function lengthMistakes(problems: readonly Problem[]): number {
  const kinds = ['row too short', 'row too long', 'no JSON object'];
  return problems.reduce((sum, { kind, count }) => sum + (kinds.includes(kind) ? count : 0), 0);
}

const known = (values: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

function takerOf(
  mapped: MappedFile,
  index: number,
  staging: Staging,
  options: ImportOptions,
  reading: Reading,
): RowTaker {
  switch (mapped.mapping.role) {
    case 'events':
      return eventTaker(mapped, index, staging, options, reading);
    case 'aliases':
      return aliasTaker(mapped, index, staging, reading);
    case 'items':
      return entityTaker('item', mapped, index, staging, options, reading);
    case 'users':
      return entityTaker('user', mapped, index, staging, options, reading);
  }
}

function eventTaker(
  { file, mapping }: MappedFile,
  index: number,
  staging: Staging,
  { model, threshold, mapping: { types: named = {} } }: ImportOptions,
  reading: Reading,
): RowTaker {
  if (mapping.fields.has('rating') && threshold === undefined) {
    const text = `column ${mapping.fields.get('rating')} is a rating; say from what on something is liked, as in --threshold 4`;
    throw fileError(file.path, text, { field: 'threshold' });
  }
  const names = new Set(model?.contextNames);
  const rows = new EventRows({
    ...reading,
    ...{ fields: mapping.fields, mark: decimalMarkOf(file.sample), threshold },
    ...{
      types: model?.types,
      typeDefault: model?.typeDefault,
      named: new Map(Object.entries(named)),
    },
    numbers: model?.numbers.context,
    contextColumns: new Map([...names].map((name) => [name, name])),
    readContext: model?.readContext ?? ((context) => ({ context, unreadable: [] })),
  });
  return {
    columns: (columns) => rows.columns(columns),
    take: (row, line) => {
      const event = rows.read(row, line);
      if (event) staging.event(index, event);
    },
    facts: () => ({ timeless: rows.timeless, behind: rows.behind, missing: {} }),
  };
}

function entityTaker(
  entity: 'item' | 'user',
  { file, mapping }: MappedFile,
  index: number,
  staging: Staging,
  { model }: ImportOptions,
  reading: Reading,
): RowTaker {
  const mark = decimalMarkOf(file.sample);
  const rows = new EntityRows({
    ...reading,
    ...{ entity, mark, fields: mapping.fields, reader: model?.reader },
    numbers: model?.numbers[entity],
    written: writtenNumbers(file.columns, file.sample, mark),
  });
  return {
    columns: (columns) => rows.columns(columns),
    take: (row, line) => {
      const told = rows.read(row, line);
      if (told) staging.entity(entity, index, told);
    },
    facts: () => ({ timeless: rows.timeless, missing: Object.fromEntries(rows.missing) }),
  };
}

function aliasTaker(
  { mapping: { fields } }: MappedFile,
  index: number,
  staging: Staging,
  { times, bad }: Reading,
): RowTaker {
  let at = { visitor: -1, user: -1, timestamp: -1 };
  let timeless = 0;
  const read = (row: readonly Cell[], line: number): AliasRow | undefined => {
    const visitor = textOf(row[at.visitor]);
    const user = textOf(row[at.user]);
    if (visitor === undefined || user === undefined) {
      const field = visitor === undefined ? 'visitor' : 'user';
      const text = `expected a ${field}; got nothing`;
      bad({ line, kind: `no ${field}`, column: fields.get(field), text });
      return undefined;
    }
    const time = textOf(row[at.timestamp]);
    if (at.timestamp < 0 || time === undefined) return { line, atMs: null, visitor, user };
    const seconds = times.read(time, `line ${line}`);
    if (seconds === 'never') timeless++;
    else if (seconds !== undefined)
      return { line, atMs: Math.round(seconds * 1000), visitor, user };
    else {
      const text = `expected seconds or milliseconds since 1970, or ISO 8601; got "${time}"`;
      bad({ line, kind: 'no time', column: fields.get('timestamp'), text });
    }
    return undefined;
  };
  return {
    columns: (columns) => {
      const of = (field: 'visitor' | 'user' | 'timestamp') =>
        columns.indexOf(fields.get(field) ?? '');
      at = { visitor: of('visitor'), user: of('user'), timestamp: of('timestamp') };
    },
    take: (row, line) => {
      const alias = read(row, line);
      if (alias) staging.alias(index, alias);
    },
    facts: () => ({ timeless, missing: {} }),
  };
}

/** In words, what a column is taken for. */
function becomes({ mapping }: MappedFile, column: string, { model }: ImportOptions): string {
  const field = [...mapping.fields].find((entry) => entry[1] === column)?.[0];
  if (field !== undefined) return field;
  const { role } = mapping;
  if (role === 'aliases') return 'not used';
  if (role === 'events') {
    const isContext = column.startsWith('context.') || model?.contextNames.includes(column);
    return isContext ? 'context' : 'not used';
  }
  const entity = role === 'items' ? 'item' : 'user';
  const name = column.replace(/^(attributes|features)\./, '');
  return model?.features.includes(`${entity}.${name}`) ? 'feature' : 'attribute';
}
