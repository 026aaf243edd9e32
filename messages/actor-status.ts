import type { ActorKind } from './actor-kinds.js';
import { isRecord } from './checks.js';

/**
 * How well an actor serves, under `health` in its figures. It is what data centers are judged by, so a supervisor needs
 * to know no kind for that. What an actor has no part in is absent.
 */
export interface ActorHealth {
  /** Of the answers of the last seconds; null: nobody asked. */
  readonly p99Ms?: number | null;
  /** Of SAMPLES: all batches up to this sequence are in what it serves. */
  readonly through?: number;
  /** From the step in training to the row that is served, in the last seconds; null: nothing came. */
  readonly propagationP99Ms?: number | null;
}

/** Life-cycle state of a child as its supervisor sees it. */
export const childStates = [
  'starting',
  'restoring',
  'ready',
  'suspect',
  'restarting',
  'failed',
  'stopping',
  'stopped',
] as const;

export type ChildState = (typeof childStates)[number];

/** One row of `starling status`. */
export interface ActorStatus {
  readonly address: string;
  readonly kind: ActorKind;
  readonly dataCenter: string;
  readonly host: string;
  /** Null while no process runs. */
  readonly pid: number | null;
  readonly state: ChildState;
  /** 0 until the first process was started. */
  readonly epoch: number;
  /** Starts after the first one, in the life of this supervisor. */
  readonly restarts: number;
  readonly partitions?: readonly number[];
  /** What the last heartbeat brought; empty before the first. */
  readonly stats: Readonly<Record<string, unknown>>;
  /** When `state` was entered, milliseconds since 1970. */
  readonly sinceMs: number;
  /** Why the last process ended, while the actor has not been ready since. */
  readonly reason?: string;
}

/** What `health` in the figures of an actor says; of an unknown shape it says nothing. */
export function parseHealth(value: unknown): ActorHealth {
  if (!isRecord(value)) return {};
  const { p99Ms, through, propagationP99Ms } = value;
  return {
    ...(p99Ms === undefined ? {} : { p99Ms: figure(p99Ms) }),
    ...(typeof through === 'number' && through >= 0 ? { through } : {}),
    ...(propagationP99Ms === undefined ? {} : { propagationP99Ms: figure(propagationP99Ms) }),
  };
}

/** JSON has no NaN: the figure of nothing arrives as null. */
function figure(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null;
}
