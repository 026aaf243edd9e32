import type { Cell } from './cell.js';
import { mergedCell } from './cell.js';
import type { AggregateRule, KeptRules } from './kept-rules.js';

/** An event of a list: item, time, value (NaN: none), order. */
export type ListedEvent = [item: string, atMs: number, value: number, order: string];

/** What is kept under one key, as it is stored. */
export interface ActivityState {
  /** By key of the aggregate. */
  readonly cells: Record<string, Cell>;
  /** By key of the aggregate, then by key of the value. */
  readonly pairs: Record<string, Record<string, Cell>>;
  /** By type of event, oldest first. */
  readonly lists: Record<string, ListedEvent[]>;
  /** Of an account that was merged into that of this user: nothing else is kept of it any more. */
  is?: string;
  /** Accounts that were merged into this one, newest last. */
  was?: string[];
}

export function emptyState(): ActivityState {
  return { cells: {}, pairs: {}, lists: {} };
}

/** Of one holder. Beyond it, what was met least gives way. */
const pairsMax = 256;

export function pairsOf(state: ActivityState, key: string): Record<string, Cell> {
  return (state.pairs[key] ??= {});
}

/** To be called when a value was added. */
export function limitPairs(pairs: Record<string, Cell>, added: string): void {
  const keys = Object.keys(pairs);
  if (keys.length <= pairsMax) return;
  let least = keys[0]!;
  for (const key of keys)
    if (key !== added && countOf(pairs[key]!) < countOf(pairs[least]!)) least = key;
  delete pairs[least];
}

/** By anything that grows with it. */
function countOf(cell: Cell): number {
  return cell.length > 3
    ? cell.reduce((sum, each, i) => (i % 2 === 1 ? sum + each : sum), 0)
    : cell[0]!;
}

/** A type may be called like something that every object has. */
export function listOf(
  { lists }: Pick<ActivityState, 'lists'>,
  type: string,
): ListedEvent[] | undefined {
  return Object.hasOwn(lists, type) ? lists[type] : undefined;
}

/** Keeps them in the order of time, and no more than `max`. */
export function listEvent(
  state: ActivityState,
  type: string,
  event: ListedEvent,
  max: number,
): void {
  const list = listOf(state, type) ?? (state.lists[type] = []);
  let at = list.length;
  while (at > 0 && list[at - 1]![1] > event[1]) at--;
  list.splice(at, 0, event);
  if (list.length > max) list.splice(0, list.length - max);
}

/** Takes the newest event of the order and item off the list. */
export function unlistEvent(
  state: ActivityState,
  type: string,
  { item, order }: { readonly item: string; readonly order: string },
): ListedEvent | undefined {
  const list = listOf(state, type) ?? [];
  const at = list.findLastIndex(([one, , , of]) => one === item && of === order);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}

/** Of one user. Beyond it, those of long ago are told of a change no more, and looked at anew after a while. */
const wasMax = 16;

/** @param account with what was merged into it. */
export function noteAccount(user: ActivityState, account: string, of: ActivityState): void {
  const was = new Set([...(user.was ?? []), ...(of.was ?? []), account]);
  user.was = [...was].slice(-wasMax);
}

/** What a visitor did becomes what the user did. */
export function mergeInto(
  user: ActivityState,
  visitor: ActivityState,
  rules: Pick<KeptRules, 'lookbackMs' | 'listed' | 'aggregates'>,
): void {
  const newestMs = Math.max(0, ...[user, visitor].map(newestOf));
  for (const [type, list] of Object.entries(visitor.lists)) {
    const max = rules.listed.get(type) ?? 0;
    for (const event of list)
      if (event[1] >= newestMs - rules.lookbackMs) listEvent(user, type, event, max);
  }
  for (const rule of rules.aggregates) mergeCells(user, visitor, rule);
}

function mergeCells(
  user: ActivityState,
  visitor: ActivityState,
  { key, memory }: AggregateRule,
): void {
  const cell = visitor.cells[key];
  if (cell) user.cells[key] = mergedCell(memory, user.cells[key], cell);
  for (const [value, pair] of Object.entries(visitor.pairs[key] ?? {})) {
    const pairs = pairsOf(user, key);
    pairs[value] = mergedCell(memory, pairs[value], pair);
    limitPairs(pairs, value);
  }
}

function newestOf({ lists }: ActivityState): number {
  return Math.max(0, ...Object.values(lists).map((list) => list.at(-1)?.[1] ?? 0));
}
