import type { BenchResult } from '../bench-result.js';

/** A run that was kept: one line of history.jsonl. */
export interface HistoryEntry {
  readonly date: string;
  readonly bench: string;
  /** How much of it: `quick`, `usual` or `full`; figures of one size are compared. */
  readonly size: 'quick' | 'usual' | 'full';
  readonly commit: string;
  /** Something was changed that is in no commit. */
  readonly dirty: boolean;
  readonly machine: string;
  readonly node: string;
  readonly figures: BenchResult['figures'];
}

export function lineOf(entry: HistoryEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** @throws SyntaxError for a line that is none */
export function entriesIn(text: string): HistoryEntry[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as HistoryEntry);
}

export interface Asked {
  readonly bench: string;
  /** Only figures whose names have this in them; left out: those that are ratios, or all where none is. */
  readonly figure?: string | undefined;
}

/**
 * How each figure of a benchmark went, oldest first, one block each. A change is told against the run before of the same size on the same
 * machine with the same Node.js; of others only ratios mean anything.
 */
export function historyLines(entries: readonly HistoryEntry[], { bench, figure }: Asked): string[] {
  const runs = entries.filter((entry) => entry.bench === bench);
  const names = [...new Set(runs.flatMap(({ figures }) => Object.keys(figures)))].filter((name) =>
    runs.some(({ figures }) => typeof figures[name] === 'number'),
  );
  const ratios = names.filter(isRatio);
  const shown =
    figure === undefined
      ? ratios.length > 0
        ? ratios
        : names
      : names.filter((name) => name.includes(figure));
  return shown.flatMap((name) => [name, ...runsOf(runs, name), '']);
}

/** By name: benchmarks call a ratio one, or name what it is to. */
function isRatio(name: string): boolean {
  return /ratio| \/ |\/ baseline|×/i.test(name);
}

function runsOf(runs: readonly HistoryEntry[], name: string): string[] {
  const before = new Map<string, number>();
  const rows = runs.flatMap((run) => {
    const value = run.figures[name];
    if (typeof value !== 'number') return [];
    const { date, size, commit, dirty, machine, node } = run;
    const where = `${size}, ${node}, ${machine}`;
    const last = before.get(where);
    before.set(where, value);
    return [[date.slice(0, 16).replace('T', ' '), `${commit.slice(0, 9)}${dirty ? '*' : ''}`, String(value), changeOf(last, value), where]]; // prettier-ignore
  });
  const widths = [0, 1, 2, 3].map((c) => Math.max(...rows.map((row) => row[c]!.length)));
  return rows.map(
    (row) => `  ${row.map((cell, c) => (c < 4 ? cell.padEnd(widths[c]!) : cell)).join('  ')}`,
  );
}

function changeOf(before: number | undefined, now: number): string {
  if (before === undefined || before === 0) return '';
  const percent = Math.round(100 * (now / before - 1));
  return percent === 0 ? '=' : `${percent > 0 ? '+' : ''}${percent} %`;
}
