import type { DuckDBConnection } from '@duckdb/node-api';

/**
 * From rows to what happened: each event once, in order of time, with the position that it will always have. What comes twice
 * by its id is left out; what has no id gets one made of what the row says, so that the same row is the same event in every
 * import, whichever file it stands in.
 */
const contents = `concat_ws(chr(31), coalesce(at_ms::bigint::varchar, ''), coalesce(user_id, ''), coalesce(visitor, ''), item, coalesce(type, ''),
  coalesce(label::varchar, ''), coalesce(value::varchar, ''), coalesce(order_id, ''), coalesce(quantity::varchar, ''),
  coalesce(currency, ''), coalesce(request_id, ''), coalesce(context, ''))`;

/** @param nowMs when events were that no column of their file says the time of. */
export async function order(connection: DuckDBConnection, nowMs: number): Promise<void> {
  const run = (sql: string) => connection.run(sql);
  // Of ids that come more than once, which are few: a window over all rows would hold all ids.
  await run(`create temp table again as
    select coalesce(id, 'row-' || md5(${contents})) as id from event_rows group by 1 having count(*) > 1`);
  await run(`create temp table numbered as
    select file, line, row_number() over (partition by known ORDER BY at_ms, file, line) as n, id is null as is_made, known
    from (select *, coalesce(id, 'row-' || md5(${contents})) as known from event_rows) semi join again on known = again.id`);
  await run(`create table repeats as select file, line from numbered where n > 1 and not is_made`);
  await run(`create table happenings as select row_number() over () as position, * from (
      select 2 as rank, 'event' as kind, e.file, e.line, coalesce(at_ms, ${nowMs}) as at_ms,
        case when n > 1 and is_made then known || '-' || n else coalesce(e.id, 'row-' || md5(${contents})) end as id,
        user_id, visitor, item, type, label, value, order_id, quantity, currency, request_id, context
      from event_rows e left join numbered using (file, line)
      where n is null or n = 1 or is_made
    union all by name
      select 1 as rank, 'alias' as kind, file, line,
        coalesce(at_ms, (select coalesce(min(at_ms), 0) from event_rows)) as at_ms, visitor, user_id
      from alias_rows
    union all by name
      select 0 as rank, entity as kind, file, line, at_ms, id, attributes as context
      from entity_rows where at_ms is not null
    order by at_ms, rank, file, line)`);
  await run(`create table entities as select row_number() over (partition by entity order by file, line) as position,
    entity, id, attributes from entity_rows where at_ms is null order by entity, file, line`);
  for (const table of ['event_rows', 'alias_rows', 'entity_rows', 'again', 'numbered'])
    await run(`drop table ${table}`);
  await run('checkpoint');
}

type Found = Readonly<Record<string, unknown>>;

export async function countsOf(connection: DuckDBConnection) {
  const first = async (sql: string): Promise<Found> => {
    const [row] = (await connection.runAndReadAll(sql)).getRowObjectsJS();
    return row!;
  };
  const number = (value: unknown): number => Number(value ?? 0);
  const kinds =
    await first(`select count(*) filter (kind = 'event') as events, count(*) filter (kind = 'alias') as aliases,
    count(*) filter (kind in ('item', 'user')) as changes,
    count(*) filter (kind = 'event' and user_id is null) as without_user,
    count(*) filter (kind = 'event' and user_id is null and visitor in
      (select visitor from happenings where kind = 'alias')) as named_later from happenings`);
  const entities = await first(
    `select count(*) filter (entity = 'item') as items, count(*) filter (entity = 'user') as users from entities`,
  );
  const repeats = await first('select count(*) as repeated from repeats');
  const unknown = await first(`select
    (select count(*) from entities where entity = 'item') + (select count(*) from happenings where kind = 'item') as catalog,
    (select count(*) from happenings anti join (
      select id as item from entities where entity = 'item' union select id from happenings where kind = 'item') as known using (item)
      where kind = 'event') as missing`);
  const types =
    await connection.runAndReadAll(`select coalesce(type, '') as type, count(*) as n from happenings
    where kind = 'event' group by 1 order by n desc, type`);
  const span = await first(
    `select min(at_ms) as first, max(at_ms) as last from happenings where kind = 'event'`,
  );
  return {
    items: number(entities['items']),
    users: number(entities['users']),
    aliases: number(kinds['aliases']),
    changes: number(kinds['changes']),
    events: number(kinds['events']),
    withoutUser: number(kinds['without_user']),
    namedLater: number(kinds['named_later']),
    repeated: number(repeats['repeated']),
    ...(number(unknown['catalog']) > 0 ? { unknownItems: number(unknown['missing']) } : {}),
    byType: Object.fromEntries(
      types.getRowObjectsJS().map((row) => [row['type'] as string, number(row['n'])]),
    ),
    ...(span['first'] === null
      ? {}
      : { firstMs: number(span['first']), lastMs: number(span['last']) }),
  };
}
