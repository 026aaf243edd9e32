import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from '../core/base/errors.js';
import { fileError } from './file-error.js';
import type { Cell, RowBatch, RowFile } from './row-file.js';
import { sampleRowsMax } from './row-file.js';

/**
 * Parquet, read by DuckDB. Everything comes as text, so that whole numbers of any length stay what they are; lists and objects
 * come as JSON. A whole number in a column of doubles is one: programs that know no missing whole number write 100006.0.
 */
interface Column {
  readonly name: string;
  readonly type: string;
}

export async function openParquet(
  path: string,
  name: string,
  connection: DuckDBConnection,
): Promise<RowFile> {
  const source = `read_parquet(${quoted(path)}, binary_as_string = true)`;
  const columns = await columnsOf(path, connection, source);
  const fields = columns.map(fieldOf).join(', ');
  const read = async function* (sql: string): AsyncGenerator<RowBatch, void, undefined> {
    try {
      const result = await connection.stream(sql);
      const nested = columns.map(({ type }) => isNested(type));
      let line = 0;
      for await (const chunk of result) {
        const rows = rowsOf(chunk.getColumns() as Cell[][], nested);
        yield {
          columns: columns.map((each) => each.name),
          rows,
          lines: rows.map(() => ++line),
        };
      }
    } catch (cause) {
      throw parquetError(path, cause);
    }
  };
  const sample: (readonly Cell[])[] = [];
  for await (const { rows } of read(`select ${fields} from ${source} limit ${sampleRowsMax}`))
    sample.push(...rows);
  return {
    ...{ path, name, format: 'parquet', compression: undefined },
    ...{ columns: columns.map((each) => each.name), sample },
    batches: () => read(`select ${fields} from ${source}`),
  };
}

async function columnsOf(
  path: string,
  connection: DuckDBConnection,
  source: string,
): Promise<Column[]> {
  try {
    const described = await connection.runAndReadAll(`describe select * from ${source}`);
    return described.getRowObjects().map((row) => ({
      name: String(row['column_name']),
      type: String(row['column_type']),
    }));
  } catch (cause) {
    throw parquetError(path, cause);
  }
}

const isNested = (type: string): boolean =>
  type.endsWith(']') || type.startsWith('STRUCT') || type.startsWith('MAP');

function fieldOf({ name, type }: Column): string {
  const field = `"${name.replaceAll('"', '""')}"`;
  if (isNested(type)) return `to_json(${field})::varchar`;
  if (type !== 'DOUBLE' && type !== 'FLOAT') return `${field}::varchar`;
  return `case when isnan(${field}) then null when ${field} = trunc(${field}) and abs(${field}) < 9e15 then (${field}::bigint)::varchar else ${field}::varchar end`;
}

function rowsOf(columns: readonly (readonly Cell[])[], nested: readonly boolean[]): Cell[][] {
  const told = columns.map((column, c) => (nested[c] ? column.map(parsed) : column));
  return (told[0] ?? []).map((_, r) => told.map((column) => column[r]));
}

const parsed = (cell: Cell): Cell => (typeof cell === 'string' ? (JSON.parse(cell) as Cell) : cell);

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function parquetError(path: string, cause: unknown): Error {
  return fileError(path, `can't be read as Parquet: ${messageOf(cause).split('\n')[0]}`, {}, cause);
}
