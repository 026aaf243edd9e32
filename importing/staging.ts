import { rename, rm } from 'node:fs/promises';
import { type DuckDBAppender, type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { EntityRow } from './entity-rows.js';
import type { EventRow } from './event-rows.js';

/**
 * Rows of all files in a database on disk, so that they can be ordered by time however many they are: DuckDB sorts what does
 * not fit into memory in parts. It is built under another name and renamed when it is whole; what is found under its own name
 * is whole.
 */
/** Less: the sort writes more of it to disk. More: it is missed by the servers beside it. */
const memoryLimit = '512MB';

export interface Database {
  readonly connection: DuckDBConnection;
  readonly close: () => void;
}

export async function openDatabase(
  path: string,
  temporary: string,
  isReadOnly = false,
): Promise<Database> {
  const instance = await DuckDBInstance.create(path, {
    memory_limit: memoryLimit,
    temp_directory: temporary,
    preserve_insertion_order: 'true',
    ...(isReadOnly ? { access_mode: 'READ_ONLY' } : {}),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`set TimeZone = 'UTC'`);
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

const tables = {
  event_rows: `file double, line double, at_ms double, id varchar, user_id varchar, visitor varchar, item varchar, type varchar,
    label double, value double, order_id varchar, quantity double, currency varchar, request_id varchar, context varchar`,
  alias_rows: 'file double, line double, at_ms double, visitor varchar, user_id varchar',
  entity_rows:
    'entity varchar, file double, line double, at_ms double, id varchar, attributes varchar',
} as const;

export interface AliasRow {
  readonly line: number;
  /** Null: it says no time, and is of the beginning. */
  readonly atMs: number | null;
  readonly visitor: string;
  readonly user: string;
}

/** Takes rows in the order of files and lines. */
export class Staging {
  readonly connection: DuckDBConnection;
  readonly #appenders: Readonly<Record<keyof typeof tables, DuckDBAppender>>;

  private constructor(
    connection: DuckDBConnection,
    appenders: Readonly<Record<keyof typeof tables, DuckDBAppender>>,
  ) {
    this.connection = connection;
    this.#appenders = appenders;
  }

  static async begin(connection: DuckDBConnection): Promise<Staging> {
    for (const [name, columns] of Object.entries(tables))
      await connection.run(`create table ${name} (${columns})`);
    // One transaction: nobody reads what is half there, and no log of it is written.
    await connection.run('begin transaction');
    return new Staging(connection, {
      event_rows: await connection.createAppender('event_rows'),
      alias_rows: await connection.createAppender('alias_rows'),
      entity_rows: await connection.createAppender('entity_rows'),
    });
  }

  event(file: number, row: EventRow): void {
    const to = this.#appenders.event_rows;
    place(to, file, row);
    text(to, row.id);
    text(to, row.user);
    text(to, row.visitor);
    text(to, row.item);
    text(to, row.type);
    number(to, row.label);
    number(to, row.value);
    text(to, row.order);
    number(to, row.quantity);
    text(to, row.currency);
    text(to, row.requestId);
    text(to, row.context);
    to.endRow();
  }

  alias(file: number, row: AliasRow): void {
    const to = this.#appenders.alias_rows;
    place(to, file, row);
    text(to, row.visitor);
    text(to, row.user);
    to.endRow();
  }

  entity(entity: 'item' | 'user', file: number, row: EntityRow): void {
    const to = this.#appenders.entity_rows;
    text(to, entity);
    place(to, file, row);
    text(to, row.id);
    text(to, JSON.stringify(row.attributes));
    to.endRow();
  }

  /** After the last row. */
  async close(): Promise<void> {
    for (const appender of Object.values(this.#appenders)) appender.closeSync();
    await this.connection.run('commit');
  }
}

/** Where it stands, and when it was. */
function place(
  to: DuckDBAppender,
  file: number,
  { line, atMs }: { readonly line: number; readonly atMs: number | null },
): void {
  number(to, file);
  number(to, line);
  number(to, atMs);
}

function number(to: DuckDBAppender, value: number | null): void {
  if (value === null) to.appendNull();
  else to.appendDouble(value);
}

function text(to: DuckDBAppender, value: string | null): void {
  if (value === null) to.appendNull();
  else to.appendVarchar(value);
}

/** Puts the database where it will be looked for, or takes away what is left of it. */
export async function keep(building: string, path: string): Promise<void> {
  await rename(building, path);
  await rm(`${building}.wal`, { force: true });
}

export async function discard(building: string): Promise<void> {
  await rm(building, { force: true });
  await rm(`${building}.wal`, { force: true });
}
