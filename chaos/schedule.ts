import type { ActorKind } from '../messages/supervision.js';
import { actorKinds } from '../messages/supervision.js';

/** What is done to a running cluster, and when. */
export interface Fault {
  /** From the start of the run. */
  readonly atMs: number;
  readonly what: FaultKind;
  readonly target: Target;
  /** Chooses among the victims of the kind that are alive then: in [0, 1). */
  readonly pick: number;
  /** Of a pause or a loss. */
  readonly lastsMs: number;
}

/** SIGKILL; SIGSTOP, and SIGCONT after a while; or the end of everything in a place, which returns after a while. */
export type FaultKind = 'kill' | 'pause' | 'loss';
/** An actor of a kind, a host's supervisor, that of the leader, a NATS server, or a whole data center. */
export type Target = ActorKind | 'host' | 'leader' | 'nats-server' | 'data-center';

export interface ScheduleOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Mean time between two faults; 0: there are none. */
  readonly everyMs: number;
}

/** Servers and data centers are few, and each fault of one is a fault of many actors. */
const weights: readonly (readonly [Target, number])[] = [
  ...actorKinds.map((kind) => [kind, 3] as const),
  ['host', 3],
  ['leader', 2],
  ['nats-server', 2],
  ['data-center', 1],
];

/** Shares of faults that are pauses; what only answers requests is as well killed. */
const pauseShare = 0.25;
const pauseMs = { min: 300, max: 3_000 };
/** The leader must be missed, so its pause is longer than its lease. */
const leaderPauseMs = { min: 3_000, max: 6_000 };
const lossMs = { min: 2_000, max: 8_000 };

/** The same seed gives the same faults. Times between them are exponential, so that some come together. */
export function scheduleFaults({ seed, durationMs, everyMs }: ScheduleOptions): Fault[] {
  if (everyMs === 0) return [];
  const draw = randomOf(seed);
  const faults: Fault[] = [];
  for (let atMs = gap(draw(), everyMs); atMs < durationMs; atMs += gap(draw(), everyMs)) {
    const target = choose(draw());
    const what = whatOf(target, draw());
    const pick = draw();
    const lastsMs = Math.round(between(lengthsOf(target, what), draw()));
    faults.push({ atMs: Math.round(atMs), what, target, pick, lastsMs });
  }
  return faults;
}

function whatOf(target: Target, u: number): FaultKind {
  if (target === 'data-center') return 'loss';
  return u < pauseShare ? 'pause' : 'kill';
}

function lengthsOf(target: Target, what: FaultKind): typeof pauseMs {
  if (what === 'loss') return lossMs;
  return target === 'leader' ? leaderPauseMs : pauseMs;
}

function between({ min, max }: typeof pauseMs, u: number): number {
  return min + u * (max - min);
}

function gap(u: number, everyMs: number): number {
  return -Math.log(1 - u) * everyMs;
}

function choose(u: number): Target {
  let left = u * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [target, weight] of weights) {
    left -= weight;
    if (left < 0) return target;
  }
  return weights[0]![0];
}

/** mulberry32 (T. Ettinger, public domain): uniform in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
