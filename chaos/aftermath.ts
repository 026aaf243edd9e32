import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProcess } from '../runtime/os/has-process.js';
import type { LiveProcess } from './fleet.js';
import type { Aftermath } from './fault-table.js';

/** What processes log when an error came up where nobody had thought of one. */
const nobodyCaught = /unhandled rejection|uncaught exception|UnhandledPromiseRejection/i;
/** Of each kind one line is enough to begin with. */
const linesMax = 20;

/** A process that has ended is there until somebody has heard of it: who adopted it can't. */
const goneMsMax = 5_000;

/** After all has been stopped: who is still there, and what the logs say. */
export async function aftermathOf(
  folder: string,
  processes: readonly LiveProcess[],
): Promise<Aftermath> {
  const endMs = performance.now() + goneMsMax;
  let left = processes.filter(({ pid }) => hasProcess(pid));
  while (left.length > 0 && performance.now() < endMs) {
    await sleep(100);
    left = left.filter(({ pid }) => hasProcess(pid));
  }
  const orphans = left.map(({ kind, name, pid }) => `${kind} ${name} (pid ${pid})`);
  return { orphans, unhandled: uncaughtIn(folder) };
}

function uncaughtIn(folder: string): string[] {
  const lines = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.log(\.1)?$/.test(file))
    .flatMap((file) =>
      readFileSync(path.join(folder, file), 'utf8')
        .split('\n')
        .filter((line) => nobodyCaught.test(line))
        .map((line) => `${file}: ${line}`),
    );
  return lines.slice(0, linesMax);
}
