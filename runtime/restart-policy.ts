import { StarlingError, type ErrorCode } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { supervisionSchema } from '../core/config/sections.js';
import { pauseMsAfter } from './retry.js';

/**
 * When to restart a dead actor, after what pause, and when to give up: OTP's restart intensity (at most N restarts in
 * T, then it is not ours to fix) with exponential backoff between them.
 *
 * Intensity alone misses an actor that takes long to die: ten deaths never fit into the window when each start takes
 * eight seconds. So lives that ended before the actor was ready are counted too, whatever time they took.
 */
export interface RestartIntensity {
  /** Restarts granted in the window. Too low: a few kills in a row fail a healthy actor. Too high: a broken one burns CPU. */
  readonly restartsMax: number;
  /** Too short: a crash loop at full backoff is never seen as one. Too long: old crashes count against a healed actor. */
  readonly restartWindowMs: number;
}

export interface ChildPolicy extends RestartIntensity {
  /** Pause before the first restart. It is part of every recovery; too low only matters for crash loops. */
  readonly backoffMsMin: number;
  /** Longest pause. Too high: an actor comes back long after its cause is gone. */
  readonly backoffMsMax: number;
  /** Silence allowed to a process before its first sign of life. Too low: a start on a busy machine is killed. */
  readonly startSilenceMs: number;
  /** Silence allowed to a running actor. Too low: a long computation is taken for a hang; too high: outages last. */
  readonly heartbeatSilenceMs: number;
  /** Time a suspect has to speak up. Also covers a supervisor that was itself asleep: its mailbox is read first. */
  readonly suspectGraceMs: number;
  /** Time to drain when asked to stop. Too low: work is redelivered that was nearly done; too high: Ctrl-C hangs. */
  readonly drainMs: number;
  /** Pause before a failed actor is tried again. Too low: it is a crash loop; too high: a freed disk goes unnoticed. */
  readonly coolDownMs: number;
}

type Supervision = ClusterConfig['supervision'];

/** What a configuration says of restarts, and beside it what nobody has had to choose yet. */
export function policyOf(supervision: Supervision): ChildPolicy {
  const { suspectAfterMs, restartsMax, restartsWindowMs, backoffMs, drainMs } = supervision;
  return {
    restartsMax,
    restartWindowMs: restartsWindowMs,
    backoffMsMin: backoffMs.base,
    backoffMsMax: backoffMs.max,
    heartbeatSilenceMs: suspectAfterMs,
    drainMs,
    startSilenceMs: 30_000,
    suspectGraceMs: 3_000,
    coolDownMs: 30_000,
  };
}

/** Of a configuration that says nothing of it. */
const defaultPolicy = policyOf(supervisionSchema.parse({}));

/**
 * The defaults with `overrides` in their place.
 *
 * @throws CONFIG_INVALID for a value that is not positive, or a backoff range that is upside down.
 */
export function childPolicy(overrides: Partial<ChildPolicy> = {}): ChildPolicy {
  const policy = { ...defaultPolicy, ...overrides };
  for (const [name, value] of Object.entries<number>(policy)) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new StarlingError('CONFIG_INVALID', `${name} is ${value}; it must be positive`, {
        field: name,
      });
    }
  }
  if (policy.backoffMsMin > policy.backoffMsMax) {
    throw new StarlingError(
      'CONFIG_INVALID',
      `backoffMsMin ${policy.backoffMsMin} is above backoffMsMax ${policy.backoffMsMax}`,
      { field: 'backoffMsMin' },
    );
  }
  return policy;
}

/** Pauses of whatever is restarted for ever. */
export type Backoff = Pick<ChildPolicy, 'backoffMsMin' | 'backoffMsMax'>;

/** What the decisions are made from. */
export interface CrashHistory {
  /** Times of the crashes inside the restart window, oldest first. */
  readonly crashesAtMs: readonly number[];
  /** Crashes since the actor was last ready. */
  readonly crashesSinceReady: number;
}

export const noCrashes: CrashHistory = { crashesAtMs: [], crashesSinceReady: 0 };

/** `history` with a crash at `atMs`; crashes that left the window are dropped, so the list stays short. */
export function recordCrash(
  history: CrashHistory,
  atMs: number,
  windowMs: number,
): Required<CrashHistory> {
  const recent = history.crashesAtMs.filter((crashAtMs) => atMs - crashAtMs < windowMs);
  return { crashesAtMs: [...recent, atMs], crashesSinceReady: history.crashesSinceReady + 1 };
}

/** Whether an actor that crashes at `atMs` gets another restart. */
export function withinIntensity(
  history: CrashHistory,
  atMs: number,
  { restartsMax, restartWindowMs }: RestartIntensity,
): boolean {
  const recent = history.crashesAtMs.filter((crashAtMs) => atMs - crashAtMs < restartWindowMs);
  return recent.length < restartsMax && history.crashesSinceReady < restartsMax;
}

/**
 * Pause before the restart that follows `history` (which includes the crash): from backoffMsMin to backoffMsMax, as any
 * pause between tries (runtime/retry.ts).
 *
 * @param jitter in [0, 1).
 */
export function backoffMs(history: CrashHistory, policy: Backoff, jitter: number): number {
  const crashCount = Math.max(history.crashesAtMs.length, history.crashesSinceReady, 1);
  const { backoffMsMin: baseMs, backoffMsMax: capMs } = policy;
  return pauseMsAfter(crashCount, { baseMs, capMs }, jitter);
}

const permanentCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONFIG_INVALID',
  'STATE_INVALID',
  'UNSUPPORTED_VERSION',
  'FORBIDDEN',
]);

/**
 * Whether a restart would meet the same error for certain. Only what is fixed for the life of the cluster counts: a bad
 * message or a corrupt read may be gone on the next attempt, and the intensity bounds those attempts. A specification is not
 * fixed: who stood still while another configuration rolled out meets records of that, and is soon started anew with it. Were
 * he given up, the leader would move him to another host for it.
 */
export function isPermanent(code: ErrorCode | undefined): boolean {
  return code !== undefined && permanentCodes.has(code);
}
