import os from 'node:os';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ImportSource } from '../importing/import-source.js';
import { isBalanced } from '../operations/import/import-report.js';
import { runImport, type ImportProgress } from '../operations/import/run-import.js';
import { runningConfig } from './running-config.js';
import { withAdmin } from './cluster-access.js';
import type { Arguments, Output } from './command.js';
import { exitCode } from './command.js';
import { importTable } from './import-table.js';

/** What was read, into the running cluster that the arguments name. */
export interface ImportInto {
  readonly config: ClusterConfig | undefined;
  readonly args: Arguments;
  readonly out: Output;
}

/** Closes the source. @returns the exit code. */
export async function importInto(
  source: ImportSource,
  { config, args, out }: ImportInto,
): Promise<number> {
  try {
    const view = new ProgressView(out);
    const report = await withAdmin(args, async (bus) =>
      runImport({
        ...{ bus, source, config: await runningConfig(bus, config) },
        progress: (progress) => view.show(progress),
        note: (text) => view.note(text),
      }),
    ).finally(() => view.end());
    if (out.json) out.document(report);
    else for (const line of importTable(report)) out.line(line);
    return isBalanced(report) ? exitCode.ok : exitCode.failure;
  } finally {
    await source.close();
  }
}

/** Too low: it takes processors from those who answer. Too high: on a busy machine it never comes to anything. */
const niceness = 10;

/** It may wait, and whoever answers people may not; a machine that allows no such thing does without. */
export function giveWay(): void {
  try {
    os.setPriority(Math.max(niceness, os.getPriority()));
  } catch {
    // It is about how fast, and not about whether.
  }
}

const barWidth = 30;
const redrawMs = 200;
/** Where nobody looks at a terminal. */
const lineMs = 5_000;

/** A bar on a terminal that is redrawn; else a line now and then. */
class ProgressView {
  readonly #out: Output;
  readonly #isTerminal = process.stderr.isTTY;
  readonly #startMs = performance.now();
  #shownMs = -Infinity;
  #isDrawn = false;

  constructor(out: Output) {
    this.#out = out;
  }

  show({ phase, done, total, rate }: ImportProgress): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < (this.#isTerminal ? redrawMs : lineMs)) return;
    this.#shownMs = nowMs;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const speed = rate > 0 ? ` · ${Math.round(rate).toLocaleString('en-US')}/s` : '';
    const counts = `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${phase}`;
    const text = `${(100 * share).toFixed(0).padStart(3)} % · ${counts}${speed} · ${timeOf(nowMs - this.#startMs)}`;
    if (!this.#isTerminal) return this.#out.note(text);
    const filled = Math.round(barWidth * share);
    const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
    process.stderr.write(`\r\u001b[K${bar} ${text}`);
    this.#isDrawn = true;
  }

  note(text: string): void {
    this.end();
    this.#out.note(text);
  }

  end(): void {
    if (this.#isDrawn) process.stderr.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}

function timeOf(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
