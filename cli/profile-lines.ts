import type { MergedProfile } from '../operations/profile/merge-profiles.js';
import { stageMeanings, stages, type Stage } from '../operations/profile/stages.js';
import { table } from './text-table.js';

/** Of all processor time. Stages of a kind that take less are not named. */
const namedShareMin = 0.01;
const namedMax = 5;

/** Processor time by kind of actor, and by stage: ms a second, which is thousandths of a core. */
export function profileLines(profile: MergedProfile): string[] {
  const { byKind, cpuMs, wallMs, processes } = profile;
  const seconds = wallMs / 1000;
  const perSecond = (ms: number): string => (ms / Math.max(0.001, seconds)).toFixed(1);
  const share = (ms: number): string => `${((100 * ms) / Math.max(1, cpuMs)).toFixed(1)} %`;
  const kinds = [...byKind].map(([kind, parts]) => ({ kind, parts, ms: sum(parts.values()) }));
  const byStage = stagesOf(profile);
  return [
    `${processes.length} processes in ${seconds.toFixed(1)} s: ${perSecond(cpuMs)} ms of CPU a second`,
    '',
    ...table(
      ['kind', 'ms/s', 'share', 'of it'],
      kinds
        .sort((a, b) => b.ms - a.ms)
        .map(({ kind, parts, ms }) => [kind, perSecond(ms), share(ms), named(parts, ms)]),
    ),
    '',
    ...table(
      ['stage', 'ms/s', 'share', ''],
      [...byStage].map(([stage, ms]) => [stage, perSecond(ms), share(ms), stageMeanings[stage]]),
    ),
  ];
}

/** The largest first. */
export function stagesOf({ byKind }: MergedProfile): Map<Stage, number> {
  const found = stages.map(
    (stage) => [stage, sum([...byKind.values()].map((parts) => parts.get(stage) ?? 0))] as const,
  );
  return new Map(found.filter(([, ms]) => ms > 0).sort(([, a], [, b]) => b - a));
}

function named(parts: ReadonlyMap<Stage, number>, allMs: number): string {
  return [...parts]
    .filter(([, ms]) => ms >= namedShareMin * allMs)
    .sort(([, a], [, b]) => b - a)
    .slice(0, namedMax)
    .map(([stage, ms]) => `${stage} ${Math.round((100 * ms) / allMs)} %`)
    .join(', ');
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
