import type { DuckDBConnection } from '@duckdb/node-api';
import { assert } from '../core/base/assert.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { ImportReport } from './import-report.js';
import type { Happening, ImportedEntity, ImportedEvent, ImportSource } from './import-source.js';

/** Rows of one question. Too few: the cost of a question shows. Too many: they are in memory together. */
const pageRows = 20_000;

/** What was put in order, page by page: a reader who was killed goes on at any position. */
export class StagedSource implements ImportSource {
  readonly id: string;
  readonly report: ImportReport;
  readonly #connection: DuckDBConnection;
  readonly #close: () => void;

  constructor(id: string, connection: DuckDBConnection, report: ImportReport, close: () => void) {
    this.id = id;
    this.report = report;
    this.#connection = connection;
    this.#close = close;
  }

  get counts(): ImportReport['counts'] {
    return this.report.counts;
  }

  async *items(after: number): AsyncGenerator<readonly ImportedEntity[], void, undefined> {
    yield* this.#entities('item', after, this.counts.items);
  }

  async *users(after: number): AsyncGenerator<readonly ImportedEntity[], void, undefined> {
    yield* this.#entities('user', after, this.counts.users);
  }

  async *happenings(after: number): AsyncGenerator<readonly Happening[], void, undefined> {
    const { events, aliases, changes } = this.counts;
    const columns = `position, kind, at_ms, id, user_id, visitor, item, type, label, value, order_id, quantity, currency,
      request_id, context`;
    yield* this.#pages(after, events + aliases + changes, (from, to) =>
      this.#rows(
        `select ${columns} from happenings where position > ${from} and position <= ${to}`,
        happeningOf,
      ),
    );
  }

  async close(): Promise<void> {
    this.#close();
  }

  #entities(
    entity: 'item' | 'user',
    after: number,
    count: number,
  ): AsyncGenerator<readonly ImportedEntity[], void, undefined> {
    return this.#pages(after, count, (from, to) =>
      this.#rows(
        `select position, id, attributes from entities
          where entity = '${entity}' and position > ${from} and position <= ${to}`,
        ([position, id, attributes]) => ({
          position: Number(position),
          id: id as string,
          attributes: JSON.parse(attributes as string) as RawFeatures,
        }),
      ),
    );
  }

  async *#pages<T extends { readonly position: number }>(
    after: number,
    count: number,
    read: (from: number, to: number) => Promise<T[]>,
  ): AsyncGenerator<readonly T[], void, undefined> {
    const endOf = (from: number): number => Math.min(from + pageRows, count);
    let next = after < count ? read(after, endOf(after)) : undefined;
    try {
      for (let from = after; next; from += pageRows) {
        const to = endOf(from);
        const rows: T[] = await next;
        // Read while these are at work.
        next = to < count ? read(to, endOf(to)) : undefined;
        next?.catch(() => undefined);
        assert(rows.length === to - from, 'every position has a row');
        yield rows.sort((a, b) => a.position - b.position);
      }
    } finally {
      // Who leaves early may close what it reads from.
      await next?.catch(() => undefined);
    }
  }

  async #rows<T>(sql: string, rowOf: (row: readonly unknown[]) => T): Promise<T[]> {
    const read = await this.#connection.runAndReadAll(sql);
    const columns = read.getColumns();
    const rows: T[] = [];
    for (let i = 0; i < read.currentRowCount; i++)
      rows.push(rowOf(columns.map((column) => column[i])));
    return rows;
  }
}

function happeningOf(row: readonly unknown[]): Happening {
  const [position, kind, at, id, user, visitor, item, type, label, value, ...rest] = row;
  const [order, quantity, currency, requestId, context] = rest;
  const place = { position: Number(position), timestampMs: Number(at) };
  if (kind === 'alias') return { ...place, kind, visitor: visitor as string, user: user as string };
  const told = typeof context === 'string' ? (JSON.parse(context) as RawFeatures) : undefined;
  if (kind === 'item' || kind === 'user')
    return { ...place, kind, id: id as string, attributes: told ?? {} };
  assert(kind === 'event', 'there are four kinds');
  const event: Record<string, unknown> = { id, item, timestamp: place.timestampMs };
  const fields = { type, user, visitor, label, value, order, quantity, currency, requestId };
  // One by one: half of the time of reading was spent on making lists of them.
  for (const name in fields) {
    const field = fields[name as keyof typeof fields];
    if (field !== null) event[name] = field;
  }
  if (told) event['context'] = told;
  return { ...place, kind, event: event as unknown as ImportedEvent };
}
