import { assert } from '../base/assert.js';
import type { JoinCounters } from './types.js';

/** The counters while they count. `open` and `heldActions` are sizes, which the window knows. */
export type JoinCounts = {
  -readonly [name in Exclude<keyof JoinCounters, 'open' | 'heldActions'>]: number;
};

export function zeroCounts(): JoinCounts {
  return {
    impressions: 0,
    actions: 0,
    positives: 0,
    negatives: 0,
    negativesDropped: 0,
    duplicates: 0,
    rejected: 0,
    joinedActions: 0,
    lateActions: 0,
    orphanActions: 0,
    lateImpressions: 0,
  };
}

/** Of events one after the other. */
export function sumOf(a: JoinCounters, b: JoinCounters): JoinCounters {
  const names = Object.keys(a) as (keyof JoinCounters)[];
  return Object.fromEntries(
    names.map((name) => [name, a[name] + b[name]]),
  ) as unknown as JoinCounters;
}

/** Of what somebody has written; undefined where it is not all of them. */
export function countersIn(value: unknown): JoinCounters | undefined {
  const found = (value ?? {}) as Readonly<Record<string, unknown>>;
  const names = [...Object.keys(zeroCounts()), 'open', 'heldActions'];
  const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0;
  if (!names.every((name) => isCount(found[name]))) return undefined;
  return Object.fromEntries(names.map((name) => [name, found[name]])) as unknown as JoinCounters;
}

export function countsOf(counters: JoinCounters): JoinCounts {
  const counts = zeroCounts();
  for (const name of Object.keys(counts) as (keyof JoinCounts)[]) counts[name] = counters[name];
  return counts;
}

/** Nothing lost, nothing twice: both conservation laws of the join. Cheap enough to run at every drain. */
export function assertConserved(c: JoinCounters): void {
  const impressions = c.positives + c.negatives + c.negativesDropped + c.lateImpressions + c.open;
  assert(
    c.impressions === impressions,
    `${c.impressions} impressions are accounted for, found ${impressions}`,
  );
  const actions = c.joinedActions + c.lateActions + c.orphanActions + c.heldActions;
  assert(c.actions === actions, `${c.actions} actions are accounted for, found ${actions}`);
}
