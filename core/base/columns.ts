import { assert } from './assert.js';

/**
 * Columns of a batch of n rows, each with n entries **or with one that stands for all rows**. What a batch has in common, a
 * default above all, then costs one entry in a message and nothing in a copy; who reads asks for `at` and need not know which
 * of the two it is. Of a batch of one row both are the same.
 *
 * A table says which columns there are, of which type, and what stands where nothing is known. Rows of several batches
 * come together by table, so a column that is added to it is carried everywhere.
 */
export interface ColumnTypes {
  readonly text: readonly string[];
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}

export type ColumnType = keyof ColumnTypes;
export type AnyColumn = ColumnTypes[ColumnType];

export interface ColumnSpec<Type extends ColumnType = ColumnType> {
  readonly type: Type;
  /** What stands where nothing is known. */
  readonly none: Type extends 'text' ? string : number;
}

export type ColumnTable = Readonly<Record<string, ColumnSpec>>;
export type ColumnsOf<Table extends ColumnTable> = {
  readonly [Name in keyof Table]: ColumnTypes[Table[Name]['type']];
};

export const text = (none = ''): ColumnSpec<'text'> => ({ type: 'text', none });
export const u8 = (none = 0): ColumnSpec<'u8'> => ({ type: 'u8', none });
export const u16 = (none = 0): ColumnSpec<'u16'> => ({ type: 'u16', none });
export const u32 = (none = 0): ColumnSpec<'u32'> => ({ type: 'u32', none });
export const f32 = (none = NaN): ColumnSpec<'f32'> => ({ type: 'f32', none });
export const f64 = (none = NaN): ColumnSpec<'f64'> => ({ type: 'f64', none });

/** The entry of a row. */
export function at<Entry>(
  column: { readonly length: number; readonly [i: number]: Entry },
  row: number,
): Entry {
  return column[column.length === 1 ? 0 : row]!;
}

function entryOf(column: AnyColumn, row: number): string | number {
  return (column as ArrayLike<string | number>)[column.length === 1 ? 0 : row]!;
}

/** All rows know nothing. */
export function noneOf<Table extends ColumnTable>(table: Table): ColumnsOf<Table> {
  return fill(table, ({ type, none }) => columnOf(type, [none]));
}

/** Whether no row knows anything. O(columns) where columns have one entry. */
export function isNone<Table extends ColumnTable>(
  table: Table,
  columns: ColumnsOf<Table>,
): boolean {
  for (const name in table) {
    const column = columns[name];
    const { none } = table[name]!;
    for (let i = 0; i < column.length; i++) if (!Object.is(column[i], none)) return false;
  }
  return true;
}

/** Rows `indices`, in that order. */
export function pickRows<Table extends ColumnTable>(
  table: Table,
  columns: ColumnsOf<Table>,
  indices: readonly number[],
): ColumnsOf<Table> {
  return fill(table, ({ type }, name) => {
    const column = columns[name]!;
    if (column.length === 1) return column;
    return columnOf(
      type,
      indices.map((i) => column[i]!),
    );
  });
}

/** A row of some batch. */
export interface RowOf<Columns> {
  readonly columns: Columns;
  readonly row: number;
}

/** Rows of several batches, one after the other; undefined stands for a row that knows nothing. */
export function gatherRows<Table extends ColumnTable>(
  table: Table,
  rows: readonly (RowOf<ColumnsOf<Table>> | undefined)[],
): ColumnsOf<Table> {
  return fill(table, ({ type, none }, name) => {
    const entries = rows.map((each) => (each ? entryOf(each.columns[name]!, each.row) : none));
    return columnOf(type, sharedOf(entries));
  });
}

/** What a row knows, without what it does not. */
export function knownOf<Table extends ColumnTable>(
  table: Table,
  { columns, row }: RowOf<ColumnsOf<Table>>,
): Record<string, string | number> {
  const known: Record<string, string | number> = {};
  for (const [name, { none }] of Object.entries(table)) {
    const entry = entryOf(columns[name]!, row);
    if (!Object.is(entry, none)) known[name] = entry;
  }
  return known;
}

/** The columns of one row that knows this much; the inverse of `knownOf`. */
export function columnsOfKnown<Table extends ColumnTable>(
  table: Table,
  known: Readonly<Record<string, string | number>>,
): ColumnsOf<Table> {
  return fill(table, ({ type, none }, name) =>
    columnOf(type, [Object.hasOwn(known, name) ? known[name]! : none]),
  );
}

/** The columns of rows that know this much each. */
export function columnsOfRows<Table extends ColumnTable>(
  table: Table,
  rows: readonly Readonly<Record<string, string | number>>[],
): ColumnsOf<Table> {
  return fill(table, ({ type, none }, name) =>
    columnOf(
      type,
      sharedOf(rows.map((known) => (Object.hasOwn(known, name) ? known[name]! : none))),
    ),
  );
}

/** One entry where all are the same; at least one row. */
function sharedOf(entries: (string | number)[]): (string | number)[] {
  return entries.length > 1 && entries.every((entry) => Object.is(entry, entries[0]))
    ? entries.slice(0, 1)
    : entries;
}

function columnOf(type: ColumnType, entries: (string | number)[]): AnyColumn {
  if (type === 'text') return entries as string[];
  const numbers = entries as number[];
  switch (type) {
    case 'u8':
      return Uint8Array.from(numbers);
    case 'u16':
      return Uint16Array.from(numbers);
    case 'u32':
      return Uint32Array.from(numbers);
    case 'f32':
      return Float32Array.from(numbers);
    case 'f64':
      return Float64Array.from(numbers);
  }
}

function fill<Table extends ColumnTable>(
  table: Table,
  make: (spec: ColumnSpec, name: string) => AnyColumn,
): ColumnsOf<Table> {
  const columns: Record<string, AnyColumn> = {};
  for (const [name, spec] of Object.entries(table)) {
    assert(name !== '', 'a column has a name');
    columns[name] = make(spec, name);
  }
  return columns as ColumnsOf<Table>;
}
