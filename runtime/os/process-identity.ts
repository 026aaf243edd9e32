import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasProcess } from './has-process.js';

/**
 * Whether a process noted in a file is still the same one. A pid alone does not tell: after a reboot, or on a busy
 * machine, it belongs to somebody else, whom we must neither wait for nor kill. So the start time is noted too.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the words of the operating system; undefined where that can't be learned. */
  readonly started?: string | undefined;
}

const run = promisify(execFile);
const commandMsMax = 5_000;

export async function identityOf(pid: number): Promise<ProcessIdentity> {
  return {
    pid,
    started: process.platform === 'linux' ? await startOnLinux(pid) : await startByPs(pid),
  };
}

/** True also when it can't be decided: a lock wrongly held is told to the user, one wrongly broken loses data. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  if (!hasProcess(identity.pid)) return false;
  if (identity.started === undefined) return true;
  const { started } = await identityOf(identity.pid);
  return started === undefined ? hasProcess(identity.pid) : started === identity.started;
}

/** True only when start times were compared: nobody is killed on the strength of a pid. */
export async function isSameProcess(identity: ProcessIdentity): Promise<boolean> {
  if (identity.started === undefined || !hasProcess(identity.pid)) return false;
  return (await identityOf(identity.pid)).started === identity.started;
}

/**
 * Sends a signal unless the process is gone or its pid is somebody else's by now. Done before it returns, so that it also
 * works while this process exits.
 */
export function signalSameProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  const { pid, started } = identity;
  if (started === undefined || !hasProcess(pid) || startedNow(pid) !== started) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It ended between the look and the signal.
  }
}

/** Fields after the command, which is in parentheses and may hold anything: state is 3rd, start time 22nd. */
const startTimeField = 22 - 3;

async function startOnLinux(pid: number): Promise<string | undefined> {
  try {
    return startOf(await readFile(statFile(pid), 'utf8'), await readFile(bootFile, 'utf8'));
  } catch {
    return undefined; // It ended meanwhile, or /proc is closed to us: not known, which callers allow for.
  }
}

const bootFile = '/proc/sys/kernel/random/boot_id';

function statFile(pid: number): string {
  return `/proc/${pid}/stat`;
}

function startOf(stat: string, boot: string): string {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z') return 'ended'; // Dead, and its parent has not looked yet.
  return `${boot.trim()} ${fields[startTimeField]}`;
}

/** As `identityOf`, without waiting. */
function startedNow(pid: number): string | undefined {
  try {
    if (process.platform === 'linux')
      return startOf(readFileSync(statFile(pid), 'utf8'), readFileSync(bootFile, 'utf8'));
    const options = { ...psOptions(), encoding: 'utf8' } as const;
    return execFileSync('ps', psArguments(pid), options).trim() || undefined;
  } catch {
    return undefined; // As above.
  }
}

async function startByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await run('ps', psArguments(pid), psOptions());
    return stdout.trim() || undefined;
  } catch {
    return undefined; // No such process, or no ps (Windows): not known, which callers allow for.
  }
}

function psArguments(pid: number): string[] {
  return ['-o', 'lstart=', '-p', String(pid)];
}

function psOptions() {
  return { timeout: commandMsMax, env: { ...process.env, LC_ALL: 'C' } };
}
