import type { KeptHistory } from '../features/kept-features.js';
import { listOf, type ActivityState, type ListedEvent } from './activity-state.js';
import type { HistoryRule } from './kept-rules.js';

/** What somebody did last: newest first. All have the same length. */
export interface NewestEvents {
  readonly items: readonly string[];
  /** Numbered from 1. */
  readonly types: Uint8Array;
  readonly atMs: Float64Array;
}

/**
 * The newest events of somebody, of all the types of a rule. Lists are in the order of time, so their ends are merged; of the same moment,
 * the type that is declared first comes first, and of one type what was told last.
 *
 * @param types of events, in the order of the configuration.
 */
export function newestOf(
  state: Pick<ActivityState, 'lists'> | undefined,
  { events, length }: Pick<HistoryRule, 'events' | 'length'>,
  types: readonly string[],
): NewestEvents {
  const lists: (readonly ListedEvent[])[] = [];
  const numbers: number[] = [];
  let total = 0;
  for (let t = 0; t < types.length; t++) {
    const list = state && events.has(types[t]!) ? listOf(state, types[t]!) : undefined;
    if (!list || list.length === 0) continue;
    lists.push(list);
    numbers.push(t + 1);
    total += list.length;
  }
  const count = Math.min(length, total);
  const ends = lists.map((list) => list.length - 1);
  const items = new Array<string>(count);
  const newest = new Uint8Array(count);
  const atMs = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let from = 0;
    for (let l = 1; l < lists.length; l++)
      if (msAt(lists[l]!, ends[l]!) > msAt(lists[from]!, ends[from]!)) from = l;
    const [item, ms] = lists[from]![ends[from]!--]!;
    items[i] = item;
    newest[i] = numbers[from]!;
    atMs[i] = ms;
  }
  return { items, types: newest, atMs };
}

/** Of a rule, from what `newestOf` found for it, or for one with the same events and length. */
export function historyOf(
  { items, types, atMs }: NewestEvents,
  nowMs: number,
  valueOf: (item: string) => unknown,
): KeptHistory {
  const agesSeconds = new Float32Array(items.length);
  for (let i = 0; i < items.length; i++) agesSeconds[i] = Math.max(0, (nowMs - atMs[i]!) / 1000);
  return { values: items.map(valueOf), types, agesSeconds };
}

function msAt(list: readonly ListedEvent[], at: number): number {
  return at < 0 ? -Infinity : list[at]![1];
}
