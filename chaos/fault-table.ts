import type { Law } from '../operations/audit/laws.js';
import type { ChaosResult } from './chaos-run.js';

export interface ChaosRow {
  readonly target: string;
  readonly kills: number;
  readonly pauses: number;
  readonly losses: number;
  readonly links: number;
  /** Times that all was well again, and how long that took. */
  readonly recoveries: number;
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
}

/** One row for each target that was met. */
export function rowsOf({ faults }: Pick<ChaosResult, 'faults'>): ChaosRow[] {
  return Object.entries(faults)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([target, { kills, pauses, losses, links, recoveriesMs }]) => {
      const times = [...recoveriesMs].sort((a, b) => a - b);
      return {
        ...{ target, kills, pauses, losses, links },
        recoveries: times.length,
        p50Ms: times[Math.floor(times.length / 2)],
        maxMs: times.at(-1),
      };
    });
}

/** Faults of all kinds. */
export function faultsOf(result: Pick<ChaosResult, 'faults'>): number {
  return rowsOf(result).reduce(
    (sum, { kills, pauses, losses, links }) => sum + kills + pauses + losses + links,
    0,
  );
}

export interface Aftermath {
  /** Processes that were left behind. */
  readonly orphans: readonly string[];
  /** Lines of logs about promises that nobody had looked after. */
  readonly unhandled: readonly string[];
}

/** Whether nothing is lost and nothing counts twice. */
export function balanced(laws: readonly Law[]): boolean {
  return laws.every(({ verdict }) => verdict === 'holds');
}

/** Whether the cluster stood it. */
export function stood(
  {
    laws,
    recovered,
    faults,
    configuration,
  }: Pick<ChaosResult, 'laws' | 'recovered' | 'faults' | 'configuration'>,
  { orphans, unhandled }: Aftermath,
): boolean {
  const unrecovered = Object.values(faults).some((figures) => figures.unrecovered > 0);
  const isChanged = configuration === undefined || configuration.failures.length === 0;
  const isClean = orphans.length === 0 && unhandled.length === 0;
  return balanced(laws) && recovered && !unrecovered && isChanged && isClean;
}
