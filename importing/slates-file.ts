import type { JudgedSlate } from '../core/evaluation/slate-quality.js';
import { readColumns, withDuckDb, type WantedColumn } from './column-file.js';
import { fileError } from './file-error.js';

export interface SlateFiles {
  /** Request or user, item, rank. */
  readonly slates: string;
  /** Request or user, item. */
  readonly chosen: string;
  readonly items?: string | undefined;
}

export interface SlatesRead {
  readonly slates: readonly JudgedSlate[];
  /** Items there are; where no file tells them, those that were shown or chosen. */
  readonly catalogSize: number;
  /** How often each was chosen. */
  readonly popularity: readonly number[];
}

const item: WantedColumn = { name: 'item', also: ['item_id'], kind: 'text' };
const owners: readonly WantedColumn[] = [
  { name: 'request', also: ['request_id', 'requestId'], kind: 'text', isOptional: true },
  { name: 'user', also: ['user_id'], kind: 'text', isOptional: true },
];
const rank: WantedColumn = { name: 'rank', also: ['position'], kind: 'number' };

interface Pair {
  readonly request: string | undefined;
  readonly user: string | undefined;
  readonly item: string;
  readonly rank: number;
}

/**
 * Slates, and what was chosen after each: of the same request where both files name requests, else of the same user.
 *
 * @throws StarlingError FILE_INVALID
 */
export async function readSlates(files: SlateFiles): Promise<SlatesRead> {
  const shown = await pairsOf(files.slates, [...owners, item, rank]);
  const chosen = await pairsOf(files.chosen, [...owners, item]);
  const key = keyOf(files, shown, chosen);
  const numbers = new Map<string, number>();
  const numberOf = (id: string): number => {
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  };
  if (files.items !== undefined)
    for (const each of await pairsOf(files.items, [item])) numberOf(each.item);
  const lists = new Map<string, { rank: number; item: number }[]>();
  for (const each of shown) {
    const owner = each[key] ?? '';
    const list = lists.get(owner) ?? [];
    list.push({ rank: each.rank, item: numberOf(each.item) });
    lists.set(owner, list);
  }
  const popularity: number[] = [];
  const taken = new Map<string, Set<number>>();
  for (const each of chosen) {
    const number = numberOf(each.item);
    popularity[number] = (popularity[number] ?? 0) + 1;
    const owner = each[key] ?? '';
    taken.set(owner, (taken.get(owner) ?? new Set()).add(number));
  }
  return {
    slates: [...lists].map(([owner, list]) => ({
      items: list.sort((a, b) => a.rank - b.rank).map((each) => each.item),
      chosen: taken.get(owner) ?? new Set(),
    })),
    catalogSize: numbers.size,
    popularity: Array.from({ length: numbers.size }, (_unused, i) => popularity[i] ?? 0),
  };
}

function keyOf({ slates }: SlateFiles, shown: readonly Pair[], chosen: readonly Pair[]) {
  for (const key of ['request', 'user'] as const)
    if (shown[0]?.[key] !== undefined && chosen[0]?.[key] !== undefined) return key;
  throw fileError(slates, 'and what was chosen share no column request or user');
}

async function pairsOf(path: string, wanted: readonly WantedColumn[]): Promise<Pair[]> {
  const pairs: Pair[] = [];
  await withDuckDb(async (connection) => {
    for await (const { rows, columns } of readColumns(connection, path, wanted))
      for (let row = 0; row < rows; row++) {
        const text = (name: string) => (columns[name]?.[row] ?? undefined) as string | undefined;
        const id = text('item');
        if (id === undefined) continue;
        const place = (columns['rank']?.[row] ?? Infinity) as number;
        pairs.push({ request: text('request'), user: text('user'), item: id, rank: place });
      }
  });
  if (pairs.length === 0) throw fileError(path, 'has no row with an item');
  return pairs;
}
