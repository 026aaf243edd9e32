import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBInstance } from '@duckdb/node-api';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { messageOf } from '../core/base/errors.js';
import { fileError, readError } from './file-error.js';
import { quoted } from './parquet-file.js';

/** A column as a table of figures has it, whatever else the file says. */
export interface WantedColumn {
  readonly name: string;
  /** Other names of the same, in the order in which they are looked for. */
  readonly also?: readonly string[];
  /** Numbers: what is none is null; `true` is 1. */
  readonly kind: 'text' | 'number';
  readonly isOptional?: boolean;
}

/** Some rows: a list for each column that the file has. */
export interface ColumnChunk {
  readonly rows: number;
  readonly columns: Readonly<Record<string, readonly (string | number | null)[] | undefined>>;
}

/** Less: sorts and joins write more to disk. */
const memoryLimit = '512MB';

/** A DuckDB that keeps nothing. */
export async function withDuckDb<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: memoryLimit,
    temp_directory: tmpdir(),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    await connection.run(`set TimeZone = 'UTC'`);
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/**
 * Reads columns of CSV (gzip or not) or Parquet in chunks, without holding the file.
 *
 * @throws StarlingError FILE_INVALID where it can't be read, or lacks a column, naming those that it has.
 */
export async function* readColumns(
  connection: DuckDBConnection,
  path: string,
  wanted: readonly WantedColumn[],
): AsyncGenerator<ColumnChunk, void, undefined> {
  const source = await sourceOf(path);
  try {
    const described = await connection.runAndReadAll(`describe select * from ${source}`);
    const there = described.getRowObjects().map((row) => String(row['column_name']));
    const found = wanted.flatMap((column) => foundIn(path, there, column) ?? []);
    const fields = found.map(({ column, of }) => fieldOf(column, of)).join(', ');
    for await (const chunk of await connection.stream(`select ${fields} from ${source}`)) {
      const values = chunk.getColumns() as (string | number | null)[][];
      const columns = Object.fromEntries(found.map(({ column }, i) => [column.name, values[i]]));
      yield { rows: chunk.rowCount, columns };
    }
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'FILE_INVALID') throw cause;
    throw fileError(path, `can't be read: ${messageOf(cause).split('\n')[0]}`, {}, cause);
  }
}

async function sourceOf(path: string): Promise<string> {
  const start = Buffer.alloc(4);
  try {
    const file = await open(path);
    await file.read(start, 0, 4, 0).finally(() => file.close());
  } catch (cause) {
    throw readError(path, cause);
  }
  if (start.toString('latin1') === 'PAR1')
    return `read_parquet(${quoted(path)}, binary_as_string = true)`;
  const isGzip = start.readUInt16BE(0) === 0x1f8b;
  return `read_csv(${quoted(path)}, header = true, sample_size = -1${isGzip ? ", compression = 'gzip'" : ''})`;
}

function foundIn(path: string, there: readonly string[], column: WantedColumn) {
  const names = [column.name, ...(column.also ?? [])];
  const of = names
    .map((name) => there.find((each) => each.toLowerCase() === name.toLowerCase()))
    .find((name) => name !== undefined);
  if (of !== undefined) return { column, of };
  if (column.isOptional) return undefined;
  const text = `has no column ${names.join(' or ')}; it has ${there.join(', ')}`;
  throw fileError(path, text, { field: column.name });
}

function fieldOf({ kind }: WantedColumn, of: string): string {
  const field = `"${of.replaceAll('"', '""')}"`;
  return kind === 'number' ? `try_cast(${field} as double)` : `${field}::varchar`;
}
