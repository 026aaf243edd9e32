import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from '../bench-result.js';
import { entriesIn, lineOf, type HistoryEntry } from './history.js';

/** In the sources: this runs from dist/bench/history. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const historyPath = 'bench/history.jsonl';
const file = `${root}${historyPath}`;

/** Appends what was measured, with the commit and the machine that it is of. */
export function record({ name, figures }: BenchResult, size: HistoryEntry['size']): void {
  const entry: HistoryEntry = {
    date: new Date().toISOString(),
    bench: name,
    size,
    commit: git('rev-parse', 'HEAD') ?? 'unknown',
    dirty: git('status', '--porcelain', '--', '.', `:!${historyPath}`) !== '',
    machine: machine(),
    node: process.version,
    figures,
  };
  appendFileSync(file, lineOf(entry));
}

export function readHistory(): HistoryEntry[] {
  return existsSync(file) ? entriesIn(readFileSync(file, 'utf8')) : [];
}

function machine(): string {
  const all = cpus();
  const model = (all[0]?.model ?? 'unknown').replace(/\s+/g, ' ').trim();
  return `${platform()} ${arch()}, ${all.length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}

function git(...args: string[]): string | undefined {
  try {
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: [...stdio] }).trim();
  } catch {
    return undefined; // Not a checkout, or no git: it is told as unknown.
  }
}
