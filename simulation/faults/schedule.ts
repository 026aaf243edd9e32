import type { SeededRandom } from '../time/seeded-random.js';
import type { Fault, FaultKind } from './fault.js';
import { faultKinds, rowOf } from './fault.js';

/** A storm, and then calm: what is only true once all is quiet can be looked at several times in a run. */
export interface Phase {
  readonly fromMs: number;
  /** No fault begins or lasts beyond it. */
  readonly calmFromMs: number;
  /** All must be well by then. */
  readonly endMs: number;
}

export interface ScheduleOptions {
  /** All faults come before. */
  readonly endMs: number;
  /** Between two faults, milliseconds, on average. */
  readonly everyMs: number;
  readonly stormMs: number;
  readonly calmMs: number;
}

export const usualSchedule: Omit<ScheduleOptions, 'endMs'> = {
  everyMs: 3_500,
  stormMs: 70_000,
  calmMs: 50_000,
};

/** A cluster that starts is left in peace for so long in the first storm; half of the time it is not. */
const peaceMs = 8_000;

export function phasesOf({ endMs, stormMs, calmMs }: ScheduleOptions): Phase[] {
  const phases: Phase[] = [];
  for (let fromMs = 0; fromMs + stormMs + calmMs <= endMs; fromMs += stormMs + calmMs)
    phases.push({ fromMs, calmFromMs: fromMs + stormMs, endMs: fromMs + stormMs + calmMs });
  return phases.length > 0 ? phases : [{ fromMs: 0, calmFromMs: endMs / 2, endMs }];
}

/** The faults of a run. */
export function scheduleOf(random: SeededRandom, options: ScheduleOptions): Fault[] {
  const faults: Fault[] = [];
  const { everyMs } = options;
  // Many at once now and then, and each run has its own favourites.
  const favour = new Map(faultKinds.map((kind) => [kind, random.between(0.2, 2)]));
  let atMs = random.happens(0.5) ? peaceMs : 0;
  for (const { fromMs, calmFromMs } of phasesOf(options)) {
    atMs = Math.max(atMs, fromMs);
    for (;;) {
      atMs += random.happens(0.15) ? random.between(0, 100) : random.between(0, 2 * everyMs);
      if (atMs >= calmFromMs) break;
      faults.push(faultAt(random, atMs, calmFromMs, favour));
    }
  }
  return faults;
}

function faultAt(
  random: SeededRandom,
  atMs: number,
  endMs: number,
  favour: ReadonlyMap<FaultKind, number>,
): Fault {
  const kind = chosen(random, favour);
  const [from, to] = rowOf(kind).forMs ?? [0, 0];
  const forMs = Math.min(random.between(from, to), endMs - atMs);
  return { kind, atMs, forMs, target: random.next(), other: random.next() };
}

function chosen(random: SeededRandom, favour: ReadonlyMap<FaultKind, number>): FaultKind {
  const weights = faultKinds.map((kind) => rowOf(kind).weight * favour.get(kind)!);
  let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return faultKinds[i]!;
  }
  return faultKinds[0]!;
}
