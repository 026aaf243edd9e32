import type { CoveragePart } from '../simulation/coverage.js';
import type { Fault } from '../simulation/faults/fault.js';
import type { SimulationReport } from '../simulation/report.js';

const newestShown = 40;
const unseenShown = 12;

/** One run, one line. */
export function reportLine(report: SimulationReport): string {
  const { seed, violation, virtualMs, events, faults, answered, degraded, digest } = report;
  const hit = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const what = violation ? `BROKEN: ${violation.check}` : 'ok';
  const refused = Object.entries(report.refusals).map(([code, count]) => `${count} ${code}`);
  return [
    `seed ${seed}: ${what}`,
    `${(virtualMs / 60_000).toFixed(1)} min`,
    `${events} events`,
    `${hit} faults`,
    `${answered} answered (${degraded} degraded)${refused.length > 0 ? `, refused: ${refused.join(', ')}` : ''}`,
    digest,
  ].join('; ');
}

export function coverageLines(parts: readonly CoveragePart[]): string[] {
  return parts.map(({ of, seen, all, unseen }) => {
    const more = unseen.length > unseenShown ? ` and ${unseen.length - unseenShown} more` : '';
    const never = unseen.slice(0, unseenShown).join('; ') + more;
    return `${of}: ${seen} of ${all}${unseen.length > 0 ? `; never: ${never}` : ''}`;
  });
}

/** Of the first one all that helps, of the others their seeds. */
export function failureLines(
  [first, ...others]: readonly SimulationReport[],
  shortest: readonly Fault[] | undefined,
): string[] {
  const { seed, violation, newest, schedule } = first!;
  const { check, text, atMs } = violation!;
  return [
    '',
    `seed ${seed} breaks "${check}" after ${(atMs / 1000).toFixed(3)} s:`,
    `  ${text}`,
    `what happened before:`,
    ...newest.slice(-newestShown).map((line) => `  ${line}`),
    shortest
      ? `the shortest schedule that breaks it (${shortest.length} of ${schedule.length} faults):`
      : `its schedule:`,
    ...(shortest ?? schedule).map((fault) => `  ${faultLine(fault)}`),
    ...others.map((other) => `seed ${other.seed} breaks "${other.violation!.check}" too`),
    `again: starling simulate --seed ${seed}`,
  ];
}

function faultLine({ kind, atMs, forMs, target }: Fault): string {
  const length = forMs > 0 ? ` for ${(forMs / 1000).toFixed(1)} s` : '';
  return `${(atMs / 1000).toFixed(3)} s: ${kind}${length} (target ${target.toFixed(3)})`;
}
