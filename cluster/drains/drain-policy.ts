import { answersRequests, type DataCenterRole } from '../../core/config/data-centers.js';
import type { DrainCause } from '../../messages/drains.js';
import type { DataCenterHealth, Judgment } from './data-center-health.js';

/**
 * When a data center asks to be drained, when to be taken back, and whether it may go. The first two are asked by each
 * data center of itself (data-center.machine.ts); the last by who sees all of them.
 */
export interface DrainPatience {
  /** How long it may be slow or stale. */
  readonly drainAfterMs: number;
  /** How long it must be fine. */
  readonly rejoinAfterMs: number;
}

/** What the judgments have come to so far. */
export interface Course {
  /** Slow or stale without a break since then; null: it is not. */
  readonly ailing: { readonly judgment: 'slow' | 'stale'; readonly sinceMs: number } | null;
  readonly fineSinceMs: number | null;
}

export const unknownCourse: Course = { ailing: null, fineSinceMs: null };

export function courseAfter(course: Course, judgment: Judgment, atMs: number): Course {
  if (judgment === 'slow' || judgment === 'stale')
    return { ailing: { judgment, sinceMs: course.ailing?.sinceMs ?? atMs }, fineSinceMs: null };
  return { ailing: null, fineSinceMs: judgment === 'fine' ? (course.fineSinceMs ?? atMs) : null };
}

export function ailsTooLong({ ailing }: Course, atMs: number, patience: DrainPatience): boolean {
  return ailing !== null && atMs - ailing.sinceMs > patience.drainAfterMs;
}

export function isCalm(
  { fineSinceMs }: Course,
  atMs: number,
  { rejoinAfterMs }: DrainPatience,
  relapses: number,
): boolean {
  const calmMs = rejoinAfterMs * 2 ** Math.min(relapses, doublingsMax);
  return fineSinceMs !== null && atMs - fineSinceMs > calmMs;
}

/** Too low: what is slow under load is tried too often. Too high: one that was repaired stays out for hours. */
const doublingsMax = 4;

/** In times of `rejoinAfterMs`: drained again so soon after its return, the return was a failed trial. */
const trialShare = 8;

/**
 * How often in a row a data center was drained again soon after it had been taken back. One that is slow under load is
 * fast without: only the trial tells, and each failed one doubles the wait for the next, as circuit breakers do.
 */
export function relapsesAfter(
  relapses: number,
  backAtMs: number | null,
  atMs: number,
  { rejoinAfterMs }: DrainPatience,
): number {
  const soon = backAtMs !== null && atMs - backAtMs <= trialShare * rejoinAfterMs;
  return soon ? relapses + 1 : 0;
}

export interface DrainView {
  readonly name: string;
  readonly role: DataCenterRole;
  /** Drained, or about to be. */
  readonly drained: boolean;
  /** Of every kind at least one actor is ready. */
  readonly able: boolean;
  readonly health: DataCenterHealth;
  readonly judgment: Judgment;
}

/** `why` is for people. */
export type DrainVerdict = { readonly may: true } | { readonly may: false; readonly why: string };

/** Too low: two that are about as slow are told apart by chance. Too high: the worse one goes on serving. */
const clearlyWorse = 2;

/**
 * The last inference data center that serves never goes. By hand any other may. By itself only one that is clearly
 * worse than another which is well: when all are stale alike, training is lost, and when all are slow alike, there is
 * too much to do; in both a drain would take capacity and cure nothing.
 */
export function mayDrain(name: string, all: readonly DrainView[], by: DrainCause): DrainVerdict {
  const own = all.find((each) => each.name === name);
  if (!own) {
    const names = all.map((each) => each.name).join(', ');
    return refuse(`there is no data center "${name}"; there are ${names}.`);
  }
  if (!answersRequests(own))
    return refuse(`${name} is the training data center: it answers no public requests.`);
  const others = all.filter(
    (each) => each !== own && answersRequests(each) && !each.drained && each.able,
  );
  if (others.length === 0)
    return refuse(
      `${name} is the last inference data center that serves; no other could take over.`,
    );
  if (by === 'hand' || others.some((other) => isClearlyBetter(other, own, by)))
    return { may: true };
  return refuse(`${name} is ${by}, but no other data center is clearly better.`);
}

/** One that nobody asks has no latencies, and nothing against it. */
function isClearlyBetter(other: DrainView, own: DrainView, by: 'slow' | 'stale'): boolean {
  if (other.judgment === 'slow' || other.judgment === 'stale') return false;
  const figure = by === 'slow' ? 'p99Ms' : 'freshnessMs';
  return clearlyWorse * (other.health[figure] ?? 0) <= (own.health[figure] ?? 0);
}

function refuse(why: string): DrainVerdict {
  return { may: false, why };
}
