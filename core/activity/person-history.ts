import type { KeptHistory } from '../features/kept-features.js';
import { listOf, type ActivityState, type ListedEvent } from './activity-state.js';
import type { HistoryRule } from './kept-rules.js';

export interface HistoryView {
  readonly nowMs: number;
  /** Numbered from 1. */
  readonly types: readonly string[];
  readonly valueOf: (item: string) => unknown;
}

/** The newest events of somebody, of all the types of a rule. */
export function historyOf(
  state: Pick<ActivityState, 'lists'> | undefined,
  { events, length }: HistoryRule,
  { nowMs, types, valueOf }: HistoryView,
): KeptHistory {
  const all: { readonly type: number; readonly event: ListedEvent }[] = [];
  types.forEach((type, i) => {
    if (!events.has(type)) return;
    // Of the same moment, what was told last is the newest.
    for (const event of [...((state && listOf(state, type)) ?? [])].reverse())
      all.push({ type: i + 1, event });
  });
  all.sort((a, b) => b.event[1] - a.event[1]);
  const newest = all.slice(0, length);
  return {
    values: newest.map(({ event: [item] }) => valueOf(item)),
    types: Uint8Array.from(newest, ({ type }) => type),
    agesSeconds: Float32Array.from(newest, ({ event: [, atMs] }) =>
      Math.max(0, (nowMs - atMs) / 1000),
    ),
  };
}
