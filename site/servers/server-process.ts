import type { ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import { watchForeign } from '../../runtime/os/foreign-process.js';
import { startLogged } from '../../runtime/os/logged-process.js';
import { signalSameProcess, type ProcessIdentity } from '../../runtime/os/process-identity.js';

/** One run of one nats-server, and its log. Whoever holds it decides whether an exit was wanted. */
export interface ServerExit {
  /** With `signal`, null too where the process was not ours, so nobody tells. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when it never ran: the binary is gone, or may not be executed. */
  readonly spawnError?: Error;
}

export interface ServerProcess {
  /** Undefined when it never ran. */
  readonly pid: number | undefined;
  readonly exited: Promise<ServerExit>;
  readonly isRunning: () => boolean;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Output goes to the log as well: a server that dislikes its configuration says so before it opens its log. */
export function startServerProcess(options: {
  readonly binary: string;
  readonly configFile: string;
  readonly logFile: string;
}): ServerProcess {
  const { configFile, logFile } = options;
  const args = ['--config', configFile, '--log', logFile];
  const { child } = startLogged({ command: options.binary, args, logFile });
  const exited = exitOf(child);
  const isRunning = () =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const kill = (signal: NodeJS.Signals) => {
    if (isRunning()) child.kill(signal);
  };
  return { pid: child.pid, exited, isRunning, kill, stop: stopperOf(kill, exited) };
}

/** A server that an earlier cluster started. */
export function adoptServerProcess(identity: ProcessIdentity): ServerProcess {
  let running = true;
  const watch = async (): Promise<ServerExit> => {
    await watchForeign(identity);
    running = false;
    return { code: null, signal: null };
  };
  const exited = watch();
  const kill = (signal: NodeJS.Signals) => {
    if (running) signalSameProcess(identity, signal);
  };
  const { pid } = identity;
  return { pid, exited, isRunning: () => running, kill, stop: stopperOf(kill, exited) };
}

function stopperOf(
  kill: (signal: NodeJS.Signals) => void,
  exited: Promise<ServerExit>,
): ServerProcess['stop'] {
  return async (graceMs) => {
    kill('SIGTERM');
    const timer = setTimeout(() => kill('SIGKILL'), graceMs);
    await exited;
    clearTimeout(timer);
  };
}

function exitOf(child: ChildProcess): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.once('error', (spawnError) => {
      // Also emitted when a signal could not be sent; only a process that never ran ends here.
      if (child.pid === undefined) resolve({ code: null, signal: null, spawnError });
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Enough for the last words of a server, such as `no space left on device`, without filling a terminal. */
const tailBytes = 2_048;
const tailLines = 8;

/** The last lines of a log; empty if there is none. */
export async function tailOf(logFile: string): Promise<string> {
  const file = await open(logFile, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, tailBytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-tailLines).join('\n');
  } finally {
    await file.close();
  }
}
