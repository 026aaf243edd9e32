import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../../core/base/errors.js';

export interface LoggedOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** For what it writes to its output; appended. */
  readonly logFile: string;
  /** Above it, what was written so far is kept beside as one older log; absent: the process sees to that. */
  readonly logBytesMax?: number;
  /** As that of this process if left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** A channel for messages to it, and from it. */
  readonly channel?: boolean;
}

export interface LoggedProcess {
  readonly child: ChildProcess;
  /** Where its output goes, or why it goes nowhere. */
  readonly log: string;
}

/**
 * Starts a process that leads a group of its own: Ctrl-C in a terminal goes to the whole group of whoever started it, and
 * those it has started must end in order rather than be interrupted all at once.
 *
 * A full disk must not keep anybody from running that can do without a log.
 *
 * @throws what the system says of a command line that it can't take; that a program is missing is an event of the child.
 */
export function startLogged(options: LoggedOptions): LoggedProcess {
  const { command, args, env, channel = false } = options;
  const log = openLog(options);
  const output = log.file ?? 'ignore';
  const stdio: StdioOptions = ['ignore', output, output, ...(channel ? (['ipc'] as const) : [])];
  try {
    const child = spawn(command, args, { stdio, detached: true, ...(env ? { env } : {}) });
    return { child, log: log.detail };
  } finally {
    // The child has its own copy of the descriptor.
    if (log.file !== undefined) closeSync(log.file);
  }
}

function openLog({ logFile, logBytesMax = Infinity }: LoggedOptions): {
  readonly file: number | undefined;
  readonly detail: string;
} {
  try {
    mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 });
    const bytes = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > logBytesMax) renameSync(logFile, `${logFile}.1`);
    return { file: openSync(logFile, 'a', 0o600), detail: logFile };
  } catch (error) {
    return { file: undefined, detail: `no log: ${messageOf(error)}` };
  }
}
