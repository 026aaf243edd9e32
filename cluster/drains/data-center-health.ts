import type { ActorStatus } from '../../messages/actor-status.js';

/**
 * How well a data center serves, from the heartbeats of its actors: two figures, each of what a drain can cure.
 *
 * Slow is the largest p99 of its public replicas over the last seconds. Not one p99 of all: replicas of a queue group
 * get equal shares, so a single slow one is what one request in two or three meets.
 *
 * Stale is the way from a step in training to the row that is served here. The whole age of an action would count what
 * joiner and trainer take, too, which all data centers share and no drain shortens. What arrives tells its own age
 * (`propagationP99Ms`), but a copy of the log that is cut off tells nothing, and its last figures stay good for ever;
 * so the data centers are also compared with each other: one is behind for as long as another has been serving what it
 * has not (`LagWatch`). The origin of the log could be asked instead, but not by who is cut off from it.
 */
export interface DataCenterHealth {
  /** Null: nobody asked anything in the last seconds. */
  readonly p99Ms: number | null;
  /** Null: no actor here can tell. */
  readonly freshnessMs: number | null;
}

export interface HealthBudgets {
  readonly p99BudgetMs: number;
  readonly freshnessBudgetMs: number;
}

/** `passable`: neither over a budget nor clearly below. */
export type Judgment = 'slow' | 'stale' | 'fine' | 'passable';

/**
 * The share of a budget below which a data center is fine again. Too high: one that is just below goes in and out. Too
 * low: one that has recovered stays out.
 */
const fineShare = 0.5;

export function judgmentOf(
  { p99Ms, freshnessMs }: DataCenterHealth,
  { p99BudgetMs, freshnessBudgetMs }: HealthBudgets,
): Judgment {
  if (p99Ms !== null && p99Ms > p99BudgetMs) return 'slow';
  if (freshnessMs === null) return 'passable';
  if (freshnessMs > freshnessBudgetMs) return 'stale';
  // Out of service nobody asks; so having no latencies speaks against nobody.
  const quick = p99Ms === null || p99Ms <= p99BudgetMs * fineShare;
  return quick && freshnessMs <= freshnessBudgetMs * fineShare ? 'fine' : 'passable';
}

/** What the actors of one data center say together. */
export interface Vitals {
  readonly p99Ms: number | null;
  /** What all of its rows know of SAMPLES; null: there is no actor that has rows. */
  readonly through: number | null;
  readonly propagationP99Ms: number | null;
}

/** Of actors that are ready: what the others said last is out of date. */
export function healthOf(actors: readonly ActorStatus[]): Vitals {
  const told = actors.filter(({ state }) => state === 'ready').map(({ stats }) => stats.health);
  const figures = (name: 'p99Ms' | 'through' | 'propagationP99Ms') =>
    told.flatMap((health) => health?.[name] ?? []);
  return {
    p99Ms: largest(figures('p99Ms')),
    // A request needs rows of all shards, and knows what the last of them knows.
    through: smallest(figures('through')),
    propagationP99Ms: largest(figures('propagationP99Ms')),
  };
}

/**
 * Whether nobody here answers the public any more. One that is not there does not; when it comes back, its start
 * message tells it to stay out. A suspect may only have been silent.
 */
export function haveLeft(actors: readonly Pick<ActorStatus, 'state' | 'stats'>[]): boolean {
  const there = actors.filter(({ state }) => ['restoring', 'ready', 'suspect'].includes(state));
  return there.every(({ stats }) => stats.serving !== true);
}

/** The health of all data centers, looked at again and again. */
export class HealthWatch {
  readonly #lag = new LagWatch();

  /** @param nowMs of a clock that never goes back. */
  observe(actors: readonly ActorStatus[], nowMs: number): Map<string, DataCenterHealth> {
    const names = [...new Set(actors.map(({ dataCenter }) => dataCenter))];
    const vitals = new Map(
      names.map((name) => [name, healthOf(actors.filter(({ dataCenter }) => dataCenter === name))]),
    );
    const known = names.flatMap((name) => {
      const through = vitals.get(name)?.through ?? null;
      return through === null ? [] : [[name, through] as const];
    });
    const lags = this.#lag.observe(new Map(known), nowMs);
    return new Map(
      [...vitals].map(([name, { p99Ms, propagationP99Ms }]) => {
        const freshnessMs = largest([lags.get(name) ?? [], propagationP99Ms ?? []].flat());
        return [name, { p99Ms, freshnessMs }];
      }),
    );
  }
}

/** Half an hour of two looks a second. Of more every other one goes: who lags for longer is told some seconds too few. */
const leadsMax = 4_096;

/** For how long each data center has not been serving what another one has. */
export class LagWatch {
  /** When each sequence was first seen served anywhere; both ascend. */
  #leads: { readonly through: number; readonly atMs: number }[] = [];

  /** @returns milliseconds by data center. @param throughs what each serves, a sequence of SAMPLES */
  observe(throughs: ReadonlyMap<string, number>, nowMs: number): Map<string, number> {
    const farthest = largest([...throughs.values()]) ?? 0;
    const last = smallest([...throughs.values()]) ?? 0;
    // What nobody serves any more, as after a restore to an earlier moment, nobody lacks.
    this.#leads = this.#leads.filter(({ through }) => through > last && through <= farthest);
    if (farthest > (this.#leads.at(-1)?.through ?? last))
      this.#leads.push({ through: farthest, atMs: nowMs });
    if (this.#leads.length > leadsMax) this.#leads = this.#leads.filter((_lead, i) => i % 2 === 0);
    return new Map(
      [...throughs].map(([name, through]) => {
        const first = this.#leads.find((lead) => lead.through > through);
        return [name, first ? nowMs - first.atMs : 0];
      }),
    );
  }
}

function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b));
}

function smallest(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => Math.min(a, b));
}
