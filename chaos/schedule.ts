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
  /** Of a pause. */
  readonly lastsMs: number;
}

/** SIGKILL, or SIGSTOP and SIGCONT after a while. */
export type FaultKind = 'kill' | 'pause';
/** An actor of a kind, a NATS server, or all of an inference data center at once. */
export type Target = ActorKind | 'nats-server' | 'data-center';

export interface ScheduleOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Mean time between two faults. */
  readonly everyMs: number;
}

/** Servers and data centers are few, and each fault of one is a fault of many actors. */
const weights: readonly (readonly [Target, number])[] = [
  ...actorKinds.map((kind) => [kind, 3] as const),
  ['nats-server', 2],
  ['data-center', 1],
];

/** Shares of faults that are pauses; what only answers requests is as well killed. */
const pauseShare = 0.25;
const pauseMs = { min: 300, max: 3_000 };

/** The same seed gives the same faults. Times between them are exponential, so that some come together. */
export function scheduleFaults({ seed, durationMs, everyMs }: ScheduleOptions): Fault[] {
  const draw = randomOf(seed);
  const faults: Fault[] = [];
  for (let atMs = gap(draw(), everyMs); atMs < durationMs; atMs += gap(draw(), everyMs)) {
    const target = choose(draw());
    const pauses = target === 'data-center' || draw() < pauseShare;
    faults.push({
      atMs: Math.round(atMs),
      what: pauses ? 'pause' : 'kill',
      target,
      pick: draw(),
      lastsMs: Math.round(pauseMs.min + draw() * (pauseMs.max - pauseMs.min)),
    });
  }
  return faults;
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
