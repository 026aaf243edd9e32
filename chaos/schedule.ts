import type { ActorKind } from '../messages/actor-kinds.js';
import { actorKinds } from '../messages/actor-kinds.js';

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

/**
 * SIGKILL; SIGSTOP, and SIGCONT after a while; the end of everything in a place, which returns after a while; a machine
 * whose cable is out for a while, what it sends to another one being lost, or its link being slow and losing packets.
 */
export type FaultKind = 'kill' | 'pause' | 'loss' | 'cut' | 'block' | 'slow';
/** An actor of a kind, a host's supervisor, that of the leader, a NATS server, a whole data center, or a machine's link. */
export type Target = ActorKind | 'host' | 'leader' | 'nats-server' | 'data-center' | 'link';

export interface ScheduleOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Mean time between two faults; 0: there are none. */
  readonly everyMs: number;
  /** What can be done to links; absent: the hosts share this machine's network. */
  readonly links?: readonly ('cut' | 'block' | 'slow')[];
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
/** Where there are links, about one fault in five is theirs. */
const linkWeight = 9;
const linkMs = { min: 1_000, max: 10_000 };

/** The same seed gives the same faults. Times between them are exponential, so that some come together. */
export function scheduleFaults(options: ScheduleOptions): Fault[] {
  const { seed, durationMs, everyMs, links = [] } = options;
  if (everyMs === 0) return [];
  const draw = randomOf(seed);
  const chances = links.length === 0 ? weights : [...weights, ['link', linkWeight] as const];
  const faults: Fault[] = [];
  for (let atMs = gap(draw(), everyMs); atMs < durationMs; atMs += gap(draw(), everyMs)) {
    const target = choose(chances, draw());
    const what = whatOf(target, draw(), links);
    const pick = draw();
    const lastsMs = Math.round(between(lengthsOf(target, what), draw()));
    faults.push({ atMs: Math.round(atMs), what, target, pick, lastsMs });
  }
  return faults;
}

function whatOf(
  target: Target,
  u: number,
  links: NonNullable<ScheduleOptions['links']>,
): FaultKind {
  if (target === 'data-center') return 'loss';
  if (target === 'link') return links[Math.floor(u * links.length)]!;
  return u < pauseShare ? 'pause' : 'kill';
}

function lengthsOf(target: Target, what: FaultKind): typeof pauseMs {
  if (what === 'loss') return lossMs;
  if (target === 'link') return linkMs;
  return target === 'leader' ? leaderPauseMs : pauseMs;
}

function between({ min, max }: typeof pauseMs, u: number): number {
  return min + u * (max - min);
}

function gap(u: number, everyMs: number): number {
  return -Math.log(1 - u) * everyMs;
}

function choose(chances: readonly (readonly [Target, number])[], u: number): Target {
  let left = u * chances.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [target, weight] of chances) {
    left -= weight;
    if (left < 0) return target;
  }
  return chances[0]![0];
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
