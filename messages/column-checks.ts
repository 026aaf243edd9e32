import type { AnyColumn, ColumnTable, ColumnType, ColumnsOf } from '../core/base/columns.js';
import { noneOf } from '../core/base/columns.js';
import type { Fields } from './checks.js';
import { asFields, number, wrong } from './checks.js';

/**
 * Columns in messages: n entries, or one that stands for all rows (core/base/columns.ts). What is used row by row is made
 * whole while it is read; facts stay as they came.
 */
const tags: Readonly<Record<Exclude<ColumnType, 'text'>, string>> = {
  u8: '[object Uint8Array]',
  u16: '[object Uint16Array]',
  u32: '[object Uint32Array]',
  f32: '[object Float32Array]',
  f64: '[object Float64Array]',
};

/** More rows than a message can hold; a bound for what is allocated before the columns are looked at. */
const rowsMax = 2 ** 20;

export function rowCountOf(fields: Fields, what: string): number {
  const rows = number(fields, 'rowCount', what);
  if (!Number.isInteger(rows) || rows < 0 || rows > rowsMax)
    throw wrong(what, 'rowCount', `a count up to ${rowsMax}`, rows);
  return rows;
}

/**
 * All columns of a table; one that whoever wrote it did not know yet says nothing.
 *
 * @throws StarlingError BAD_MESSAGE naming the first that is of another type or length.
 */
export function columnsOf<Table extends ColumnTable>(
  table: Table,
  fields: Fields,
  what: string,
  rows: number,
): ColumnsOf<Table> {
  const none = noneOf(table);
  const columns: Record<string, AnyColumn> = {};
  for (const name in table)
    columns[name] =
      fields[name] === undefined
        ? none[name]
        : columnOf(fields, name, what, table[name]!.type, rows);
  return columns as ColumnsOf<Table>;
}

function columnOf(
  fields: Fields,
  name: string,
  what: string,
  type: ColumnType,
  rows: number,
): AnyColumn {
  const value = fields[name];
  if (type === 'text' ? !isTexts(value) : Object.prototype.toString.call(value) !== tags[type])
    throw wrong(what, name, `a column of ${type}`, value);
  const column = value as AnyColumn;
  if (column.length !== rows && column.length !== 1)
    throw wrong(what, name, `${rows} entries or 1`, `${column.length}`);
  return column;
}

function isTexts(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  for (let i = 0; i < value.length; i++) if (typeof value[i] !== 'string') return false;
  return true;
}

/** A text for each row. */
export function textsOfRows(fields: Fields, name: string, what: string, rows: number): string[] {
  const column = columnOf(fields, name, what, 'text', rows) as string[];
  return column.length === rows ? column : new Array<string>(rows).fill(column[0]!);
}

export function f32OfRows(fields: Fields, name: string, what: string, rows: number): Float32Array {
  const column = columnOf(fields, name, what, 'f32', rows) as Float32Array;
  return column.length === rows ? column : new Float32Array(rows).fill(column[0]!);
}

export function f64OfRows(fields: Fields, name: string, what: string, rows: number): Float64Array {
  const column = columnOf(fields, name, what, 'f64', rows) as Float64Array;
  return column.length === rows ? column : new Float64Array(rows).fill(column[0]!);
}

/** Columns by name, such as probabilities by outcome. */
export function namedF32(
  fields: Fields,
  name: string,
  what: string,
  rows: number,
): Readonly<Record<string, Float32Array>> {
  const inner = asFields(fields[name], `${what}.${name}`);
  const named: Record<string, Float32Array> = {};
  for (const each of Object.keys(inner))
    named[each] = columnOf(inner, each, `${what}.${name}`, 'f32', rows) as Float32Array;
  return named;
}

/** One entry where all rows have the same; ends at the first that has not. */
export function shared<Column extends AnyColumn>(column: Column): Column {
  for (let i = 1; i < column.length; i++) if (!Object.is(column[i], column[0])) return column;
  return column.length > 1 ? (column.slice(0, 1) as Column) : column;
}
