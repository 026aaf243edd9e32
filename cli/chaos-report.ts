import type { MemoryFigures } from '../chaos/memory.js';
import type { ChaosResult } from '../chaos/chaos-run.js';
import type { Aftermath } from '../chaos/fault-table.js';
import { balanced, faultsOf, rowsOf } from '../chaos/fault-table.js';
import { sideText } from '../operations/audit/laws.js';
import type { Output } from './command.js';
import { table } from './text-table.js';

/** What was done, how long it took until all was well again, and what the books say. */
export function reportChaos(result: ChaosResult, aftermath: Aftermath, out: Output): void {
  if (out.json) return out.document(documentOf(result, aftermath));
  for (const line of faultLines(result)) out.line(line);
  for (const line of configLines(result)) out.line(line);
  for (const line of loadLines(result)) out.line(line);
  for (const line of memoryLines(result.memory)) out.line(line);
  for (const { name, left, right, verdict, remark } of result.laws) {
    if (verdict !== 'holds')
      out.line(`${name}: ${verdict}; ${sideText(left)}, ${sideText(right)}; ${remark}`);
  }
  const { actions, impressions } = result.load;
  out.line(
    `${actions} actions and ${impressions} impressions acknowledged, ${result.late ?? '?'} too late`,
  );
  const isBalanced = balanced(result.laws);
  out.line(isBalanced ? 'nothing is lost, nothing counts twice' : 'the books do not balance');
  const { orphans, unhandled } = aftermath;
  if (orphans.length > 0) out.line(`left behind: ${orphans.join(', ')}`);
  for (const line of unhandled) out.line(`nobody caught: ${line}`);
  if (!result.recovered) out.line('it is not whole again');
  out.line(`seed ${result.seed}`);
}

function documentOf(result: ChaosResult, aftermath: Aftermath): object {
  const { seed, seconds, load, availability, reroutesMs, laws, late, recovered, memory } = result;
  const { configuration } = result;
  const { latency, ...counts } = load;
  return {
    ...{ seed, seconds, faults: faultsOf(result), rows: rowsOf(result), availability },
    ...(configuration ? { configuration } : {}),
    load: { ...counts, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99) },
    ...{ reroutesMs, audit: balanced(laws), late, recovered, memory },
    ...aftermath,
  };
}

function faultLines(result: ChaosResult): string[] {
  const cells = rowsOf(result).map((row) => [
    row.target,
    ...[row.kills, row.pauses, row.losses, row.links, row.recoveries].map(String),
    milliseconds(row.p50Ms),
    milliseconds(row.maxMs),
  ]);
  if (cells.length === 0) return [];
  const head = ['', 'killed', 'paused', 'lost', 'link', 'well again', 'p50', 'max'];
  return [...table(head, cells), `${faultsOf(result)} faults`];
}

function configLines({ configuration }: ChaosResult): string[] {
  if (!configuration) return [];
  const { rolloutsMs, failures } = configuration;
  const longest = milliseconds(rolloutsMs.length > 0 ? Math.max(...rolloutsMs) : undefined);
  return [
    `${rolloutsMs.length} configurations rolled out, in ${longest} at most`,
    ...failures.map((failure) => `a configuration is not rolled out: ${failure}`),
  ];
}

function loadLines({ load, seconds, availability, reroutesMs }: ChaosResult): string[] {
  const failures = Object.entries(load.failures).map(([code, count]) => `${count} ${code}`);
  const share = (100 * availability).toFixed(3);
  const failed = failures.length === 0 ? '' : ` (${failures.join(', ')})`;
  const p99 = milliseconds(load.latency.quantile(0.99));
  const lines = [
    `${load.requests} recommendations in ${Math.round(seconds)} s: ${share} % answered${failed}, ${load.degraded} degraded, ${load.rerouted} by another data center, p99 ${p99}`,
  ];
  if (reroutesMs.length > 0) {
    const longest = milliseconds(Math.max(...reroutesMs));
    lines.push(
      `${reroutesMs.length} losses of an inference data center: first answer from elsewhere after ${longest} at most`,
    );
  }
  return lines;
}

/** Only those that changed much: a line for each process would hide them. */
function memoryLines(memory: readonly MemoryFigures[]): string[] {
  if (memory.length === 0) return [];
  const grown = memory.map((each) => ({ ...each, growth: each.lastBytes / each.firstBytes - 1 }));
  const worst = Math.max(...grown.map(({ growth }) => growth));
  const lines = grown
    .filter(({ growth }) => growth > 0.1)
    .map(
      ({ name, firstBytes, lastBytes, growth }) =>
        `memory of ${name}: ${mebibytes(firstBytes)} → ${mebibytes(lastBytes)} (${percent(growth)})`,
    );
  return [
    `memory of ${memory.length} processes, from the first third to the last: at most ${percent(worst)}`,
    ...lines,
  ];
}

function percent(share: number): string {
  return `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${Math.round(ms)} ms`;
}
