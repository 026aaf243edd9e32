import type {
  Happening,
  ImportedEntity,
  ImportedEvent,
  ImportSource,
} from '../../importing/import-source.js';

export interface WrittenImport {
  readonly id?: string;
  readonly items?: readonly Omit<ImportedEntity, 'position'>[];
  readonly users?: readonly Omit<ImportedEntity, 'position'>[];
  /** In the order of time. */
  readonly rows: readonly (WrittenEvent | WrittenAlias)[];
  /** Happenings handed out at once. */
  readonly page?: number;
}

export type WrittenEvent = Omit<ImportedEvent, 'id'> & { readonly id?: string };
export interface WrittenAlias {
  readonly visitor: string;
  readonly user: string;
  readonly timestamp: number;
}

/** An import without files. */
export function sourceOf({ id = 'files', items = [], users = [], rows, page = 50 }: WrittenImport) {
  const happenings = rows.map((row, i): Happening => {
    const { timestamp } = row;
    const common = { position: i + 1, timestampMs: timestamp };
    if ('item' in row) return { ...common, kind: 'event', event: { id: `row ${i}`, ...row } };
    return { ...common, kind: 'alias', visitor: row.visitor, user: row.user };
  });
  const events = happenings.flatMap((each) => (each.kind === 'event' ? each.event : []));
  const byType: Record<string, number> = {};
  for (const { type = '' } of events) byType[type] = (byType[type] ?? 0) + 1;
  const source: ImportSource = {
    id,
    counts: {
      ...{ items: items.length, users: users.length, changes: 0 },
      aliases: happenings.length - events.length,
      ...{ events: events.length, byType, eventRows: events.length },
      ...{
        repeated: 0,
        refused: 0,
        refusedEvents: 0,
        timeless: 0,
        withoutUser: 0,
        namedLater: 0,
        behind: 0,
      },
    },
    items: (after) => pagesOf(placed(items), after, page),
    users: (after) => pagesOf(placed(users), after, page),
    happenings: (after) => pagesOf(happenings, after, page),
    close: async () => undefined,
  };
  return source;
}

function placed(entities: readonly Omit<ImportedEntity, 'position'>[]): ImportedEntity[] {
  return entities.map((entity, i) => ({ position: i + 1, ...entity }));
}

async function* pagesOf<T extends { readonly position: number }>(
  all: readonly T[],
  after: number,
  size: number,
): AsyncIterable<readonly T[]> {
  const left = all.filter(({ position }) => position > after);
  for (let start = 0; start < left.length; start += size) {
    await Promise.resolve();
    yield left.slice(start, start + size);
  }
}
