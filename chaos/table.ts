import type { ChaosResult } from './run.js';

export interface ChaosRow {
  readonly target: string;
  readonly kills: number;
  readonly pauses: number;
  readonly losses: number;
  /** Times that all was well again, and how long that took. */
  readonly recoveries: number;
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
}

/** One row for each target that was met. */
export function rowsOf({ faults }: Pick<ChaosResult, 'faults'>): ChaosRow[] {
  return Object.entries(faults)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([target, { kills, pauses, losses, recoveriesMs }]) => {
      const times = [...recoveriesMs].sort((a, b) => a - b);
      return {
        ...{ target, kills, pauses, losses },
        recoveries: times.length,
        p50Ms: times[Math.floor(times.length / 2)],
        maxMs: times.at(-1),
      };
    });
}

/** Faults of all kinds. */
export function faultsOf(result: Pick<ChaosResult, 'faults'>): number {
  return rowsOf(result).reduce(
    (sum, { kills, pauses, losses }) => sum + kills + pauses + losses,
    0,
  );
}

export interface Aftermath {
  /** Processes that were left behind. */
  readonly orphans: readonly string[];
  /** Lines of logs about promises that nobody had looked after. */
  readonly unhandled: readonly string[];
}

/** Whether the cluster stood it. */
export function stood(
  { audit, recovered, faults }: Pick<ChaosResult, 'audit' | 'recovered' | 'faults'>,
  { orphans, unhandled }: Aftermath,
): boolean {
  const unrecovered = Object.values(faults).some((figures) => figures.unrecovered > 0);
  return audit.ok && recovered && !unrecovered && orphans.length === 0 && unhandled.length === 0;
}
