import type { AnyColumn, ColumnTable, ColumnType, ColumnsOf } from '../core/base/columns.js';
import { noneOf } from '../core/base/columns.js';
import type { Fields } from './checks.js';
import { asFields, isRecord, number, wrong } from './checks.js';
import {
  isPacked,
  packedNumbers,
  packedTexts,
  unpackNumbers,
  unpackTexts,
} from './packed-columns.js';

/**
 * Columns in messages: n entries, or one that stands for all rows (core/base/columns.ts), or packed (packed-columns.ts). What is used
 * row by row is made whole while it is read; of facts one entry stays one.
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
  const value = unpacked(fields, name, what, type, rows);
  if (type === 'text' ? !isTexts(value) : Object.prototype.toString.call(value) !== tags[type])
    throw wrong(what, name, `a column of ${type}`, value);
  const column = value as AnyColumn;
  if (column.length !== rows && column.length !== 1)
    throw wrong(what, name, `${rows} entries or 1`, `${column.length}`);
  return column;
}

/** What is no packed column is as it came. */
function unpacked(
  fields: Fields,
  name: string,
  what: string,
  type: ColumnType,
  rows: number,
): unknown {
  const value = fields[name];
  if (!isRecord(value) || ArrayBuffer.isView(value)) return value;
  const place = `${what}.${name}`;
  switch (type) {
    case 'text':
      return unpackTexts(value, rows) ?? value;
    case 'u32':
      return unpackNumbers(value, place, rows, (length) => new Uint32Array(length));
    case 'f32':
      return unpackNumbers(value, place, rows, (length) => new Float32Array(length));
    case 'f64':
      return unpackNumbers(value, place, rows, (length) => new Float64Array(length));
    default:
      return value;
  }
}

/**
 * For who reads messages of any kind: with each column that is packed as a list or typed array, where that can be. Columns of columns stay.
 */
export function unpackedColumns(fields: Fields): Fields {
  const { rowCount } = fields;
  if (typeof rowCount !== 'number' || !Object.values(fields).some(isPacked)) return fields;
  const rows = rowCountOf(fields, 'message');
  const plain = Object.entries(fields).map(([name, value]): [string, unknown] => {
    if (!isPacked(value)) return [name, value];
    if ('rest' in value) return [name, unpackTexts(value, rows) ?? value];
    const isSingle = Object.prototype.toString.call(value['runs']) === tags.f32;
    return [name, unpacked(fields, name, 'message', isSingle ? 'f32' : typeOf(value), rows)];
  });
  return Object.fromEntries(plain);
}

/** Distances do not say of which type they are. */
function typeOf({ runs }: Fields): ColumnType {
  return Object.prototype.toString.call(runs) === tags.u32 ? 'u32' : 'f64';
}

/** The texts of a column by itself, in whatever form; undefined where it is none of so many rows. */
export function textsIn(value: unknown, rows: number): readonly string[] | undefined {
  const column = Array.isArray(value) ? (value as unknown[]) : unpackTexts(value, rows);
  if (!column || !isTexts(column) || (column.length !== rows && column.length !== 1))
    return undefined;
  return column as string[];
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

export function u32OfRows(fields: Fields, name: string, what: string, rows: number): Uint32Array {
  const column = columnOf(fields, name, what, 'u32', rows) as Uint32Array;
  return column.length === rows ? column : new Uint32Array(rows).fill(column[0]!);
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

export type PackedColumn =
  AnyColumn | ReturnType<typeof packedNumbers> | ReturnType<typeof packedTexts>;

const packable: ReadonlySet<string> = new Set([tags.u32, tags.f32, tags.f64]);

/** As it travels: one entry where all rows have the same, else packed where that pays. */
export function packed(column: AnyColumn): PackedColumn {
  return packedAs(column, false);
}

/** Of people: their names stay whole, so that who looks for somebody finds them in the bytes (operations/person/). */
export function packedPeople(column: readonly string[]): PackedColumn {
  return packedAs(column, true);
}

function packedAs(column: AnyColumn, isWhole: boolean): PackedColumn {
  const all = shared(column);
  if (Array.isArray(all)) return packedTexts(all as readonly string[], isWhole);
  const isPackable = packable.has(Object.prototype.toString.call(all));
  return isPackable ? packedNumbers(all as Uint32Array | Float32Array | Float64Array) : all;
}

const ofPeople: ReadonlySet<string> = new Set(['users', 'visitors', 'persons']);

/** Each column of a table. */
export function packedAll(
  columns: Readonly<Record<string, AnyColumn>>,
): Record<string, PackedColumn> {
  const fields: Record<string, PackedColumn> = {};
  for (const name in columns) fields[name] = packedAs(columns[name]!, ofPeople.has(name));
  return fields;
}

/** One entry where all rows have the same; ends at the first that has not. */
export function shared<Column extends AnyColumn>(column: Column): Column {
  for (let i = 1; i < column.length; i++) if (!Object.is(column[i], column[0])) return column;
  return column.length > 1 ? (column.slice(0, 1) as Column) : column;
}
