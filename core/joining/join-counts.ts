import { assert } from '../base/assert.js';
import type { JoinCounters, LaneCounters, OutcomeCounters } from './types.js';

export type Counts<Counters> = { -readonly [name in keyof Counters]: Counters[name] };

/** Counters of events while they count. */
export type EventCounts = Counts<Omit<JoinCounters, keyof OutcomeCounters | 'others' | 'imported'>>;
export type OutcomeCounts = Counts<OutcomeCounters>;
export type LaneCounts = Counts<LaneCounters>;

export const zeroEvents = (): EventCounts => ({
  ...{ impressions: 0, lateImpressions: 0, passedImpressions: 0 },
  ...{ received: 0, sent: 0, samples: 0, duplicates: 0 },
  ...{ actions: 0, joinedActions: 0, repeatedActions: 0, organicActions: 0, historyActions: 0 },
  ...{ lateActions: 0, orphanActions: 0, passedActions: 0, erasedActions: 0, heldActions: 0 },
  ...{ ignoredActions: 0, ignoredImpressions: 0 },
});

export const zeroOutcome = (): OutcomeCounts => ({
  ...{ positives: 0, negatives: 0, negativesDropped: 0, notGiven: 0, notSeen: 0 },
  ...{ erased: 0, passed: 0, passedIn: 0, open: 0 },
});

export const zeroLane = (): LaneCounts => ({
  ...{ actions: 0, duplicates: 0, received: 0, joinedActions: 0, repeatedActions: 0 },
  ...{ organicActions: 0, historyActions: 0, lateActions: 0, orphanActions: 0 },
  ...{ passedActions: 0, erasedActions: 0, ignoredActions: 0 },
});

export const laneNames = Object.keys(zeroLane()) as (keyof LaneCounts)[];
const eventNames = Object.keys(zeroEvents()) as (keyof EventCounts)[];
const outcomeNames = Object.keys(zeroOutcome()) as (keyof OutcomeCounts)[];

/** Those of events and of the first outcome. */
export function flatCounters(counters: JoinCounters): Omit<JoinCounters, 'others' | 'imported'> {
  const names = [...eventNames, ...outcomeNames];
  return Object.fromEntries(names.map((name) => [name, counters[name]])) as Omit<
    JoinCounters,
    'others' | 'imported'
  >;
}

/**
 * Those of every outcome by its name; none where there is only one, of which all is told flat.
 * @param first its name.
 */
export function countersByOutcome(
  counters: JoinCounters,
  first: string,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const others = Object.entries(counters.others);
  if (others.length === 0) return {};
  const own = outcomeNames.map((name) => [name, counters[name]]);
  const named = others.map(([name, counts]) => [name, { ...counts }] as const);
  return Object.fromEntries([[first, Object.fromEntries(own) as OutcomeCounts], ...named]);
}

/** Of events one after the other. */
export function sumOf(a: JoinCounters, b: JoinCounters): JoinCounters {
  const names = [...new Set([...Object.keys(a.others), ...Object.keys(b.others)])];
  return {
    ...added(eventNames, a, b),
    ...added(outcomeNames, a, b),
    imported: laneSum(a.imported, b.imported),
    others: Object.fromEntries(
      names.map((name) => [
        name,
        added(outcomeNames, a.others[name] ?? zeroOutcome(), b.others[name] ?? zeroOutcome()),
      ]),
    ),
  };
}

export function laneSum(a: LaneCounters, b: LaneCounters): LaneCounts {
  return added(laneNames, a, b);
}

/** What came since. */
export function laneSince(now: LaneCounters, before: LaneCounters): LaneCounts {
  return Object.fromEntries(
    laneNames.map((name) => [name, now[name] - before[name]]),
  ) as LaneCounts;
}

/** Events that wait: for their moment, or for a slate. */
export function heldIn(c: LaneCounters): number {
  const settled = laneNames.filter((name) => !['actions', 'duplicates', 'received'].includes(name));
  return c.actions - settled.reduce((sum, name) => sum + c[name], 0);
}

function added<Name extends string>(
  names: readonly Name[],
  a: Readonly<Record<Name, number>>,
  b: Readonly<Record<Name, number>>,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Record<Name, number>;
}

/** Of what somebody has written: what it does not name is 0. Undefined where something else stands there than counts. */
export function countersIn(value: unknown): JoinCounters | undefined {
  const found = fieldsOf(value);
  const others = Object.entries(fieldsOf(found['others']));
  if (found['impressions'] === undefined) return undefined;
  const events = countsIn(zeroEvents(), found);
  const outcomes = [found, ...others.map(([, counts]) => fieldsOf(counts))];
  const [first, ...named] = outcomes.map((counts) => countsIn(zeroOutcome(), counts));
  const imported = countsIn(zeroLane(), fieldsOf(found['imported']));
  const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0;
  const counts = [events, imported, first!, ...named].flatMap((each) =>
    Object.values<number>(each),
  );
  if (!counts.every(isCount)) return undefined;
  return {
    ...{ ...events, ...first!, imported },
    others: Object.fromEntries(others.map(([name], i) => [name, named[i]!])),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function countsIn<Counters extends object>(
  zero: Counters,
  found: Readonly<Record<string, unknown>>,
): Counters {
  const named = Object.keys(zero).map((name) => [name, found[name] ?? 0]);
  return Object.fromEntries(named) as Counters;
}

/** Nothing lost, nothing twice: the conservation laws of the join. Cheap enough to run at every drain. */
export function assertConserved(c: JoinCounters): void {
  const actions =
    c.joinedActions +
    c.repeatedActions +
    c.organicActions +
    c.historyActions +
    c.lateActions +
    c.orphanActions +
    c.passedActions +
    c.erasedActions +
    c.ignoredActions +
    c.heldActions;
  assert(c.actions === actions, `${c.actions} actions are accounted for, found ${actions}`);
  for (const each of [c, ...Object.values(c.others)]) {
    const rows = c.impressions - c.lateImpressions - c.ignoredImpressions + each.passedIn;
    const settled = settledOf(each) + each.open;
    assert(rows === settled, `${rows} impressions are accounted for, found ${settled}`);
  }
}

/** Impressions of which an outcome is known, or will not be. */
export function settledOf(c: Omit<OutcomeCounters, 'open' | 'passedIn'>): number {
  return (
    c.positives + c.negatives + c.negativesDropped + c.notGiven + c.notSeen + c.erased + c.passed
  );
}
