import type { ChaosResult } from './run.js';

export interface ChaosRow {
  readonly target: string;
  readonly kills: number;
  readonly pauses: number;
  /** Milliseconds until ready again. */
  readonly recoveries: number;
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
}

/** One row for each target of the schedule. */
export function rowsOf({ faults, recoveries }: ChaosResult): ChaosRow[] {
  const targets = [...new Set([...Object.keys(faults), ...Object.keys(recoveries)])].sort();
  return targets.map((target) => {
    const times = [...(recoveries[target] ?? [])].sort((a, b) => a - b);
    const { kills = 0, pauses = 0 } = faults[target] ?? {};
    return {
      target,
      kills,
      pauses,
      recoveries: times.length,
      p50Ms: times[Math.floor(times.length / 2)],
      maxMs: times.at(-1),
    };
  });
}

/** Whether the cluster stood it. */
export function stood({ audit, orphans, recovered }: ChaosResult): boolean {
  return audit.ok && orphans.length === 0 && recovered;
}
