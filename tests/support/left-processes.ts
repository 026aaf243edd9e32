import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProcess } from '../../runtime/os/has-process.js';

/** Actors and servers that a cluster has noted in its state folder, by what they are: `nats-server east`. */
export function notedProcesses(stateDir: string): Map<string, number> {
  const actors = pidsIn(path.join(stateDir, 'children.json'), '');
  const servers = pidsIn(path.join(stateDir, 'nats', 'servers.json'), 'nats-server ');
  return new Map([...actors, ...servers]);
}

/** Those of `processes` that are there after a while; a process that was killed needs a moment to be gone. */
export async function leftAfter(
  processes: ReadonlyMap<string, number>,
  graceMs: number,
): Promise<string[]> {
  const endMs = performance.now() + graceMs;
  for (;;) {
    const left = [...processes].filter(([, pid]) => hasProcess(pid)).map(([name]) => name);
    if (left.length === 0 || performance.now() > endMs) return left;
    await sleep(50);
  }
}

function pidsIn(file: string, prefix: string): [string, number][] {
  try {
    const notes = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { pid: number }>;
    return Object.entries(notes).map(([name, { pid }]) => [`${prefix}${name}`, pid]);
  } catch {
    return []; // It has not come so far.
  }
}
