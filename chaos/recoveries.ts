import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { Fault } from './schedule.js';
import type { Victim } from './victims.js';

/** Between two looks; the figures are as exact as that. */
const lookMs = 100;
/** What has not recovered by then has not. Training waits while a configuration is rolled out. */
const recoverMsMax = 180_000;

export interface RecoveryOptions {
  readonly fault: Fault;
  readonly victim: Victim;
  readonly status: () => Promise<ClusterStatus>;
  /** Of the leader when the fault came. */
  readonly term: number;
  /** Resolves when a pause or a loss is over. */
  readonly over: Promise<void>;
}

/**
 * How long it took until all was well again, from the moment the fault came: an actor answers its supervisor as ready, and
 * those that share its process do, in another one if it was killed; somebody else leads, if it was the leader; else every actor is ready.
 *
 * @returns undefined where it did not in time.
 */
export async function recoveryMs(options: RecoveryOptions): Promise<number | undefined> {
  const { fault, status, over } = options;
  const startMs = performance.now();
  // A leader is replaced while it is still paused; all else can't be well before.
  if (fault.target !== 'leader') await over;
  const endMs = performance.now() + recoverMsMax;
  while (performance.now() < endMs) {
    await sleep(lookMs);
    try {
      if (isWell(await status(), options)) return performance.now() - startMs;
    } catch {
      // Nobody can be asked just now.
    }
  }
  return undefined;
}

function isWell(status: ClusterStatus, { fault, victim, term }: RecoveryOptions): boolean {
  if (fault.target === 'leader') return status.term > term && status.leader !== '';
  const [first] = victim.processes;
  if (!status.actors.some(({ address }) => address === first?.name)) return status.ready;
  return victim.processes.every(({ name, pid }) => {
    const actor = status.actors.find(({ address }) => address === name);
    if (!actor) return true; // It is wanted no more.
    return actor.state === 'ready' && (fault.what !== 'kill' || actor.pid !== pid);
  });
}
