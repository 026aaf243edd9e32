import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { codeOf, messageOf } from '../core/base/errors.js';
import {
  parseChildMessage,
  type ChildMessage,
  type ParentMessage,
  type StartMessage,
} from '../messages/child-messages.js';
import { startLogged } from '../runtime/os/logged-process.js';

/**
 * One operating-system process of an actor: its birth, its channel and its end. Everything that can go wrong, a
 * failing spawn included, ends in exactly one call of `onExit`, so that a supervisor has one path for all of it.
 */
export interface ActorProcess {
  /** Null if the process could not be started. */
  readonly pid: number | null;
  /** Where its output goes, or why it goes nowhere. */
  readonly log: string;
  /** Asks it to drain; without effect on a process that is gone. */
  stop(drainMs: number): void;
  /** Tells it to join (open) or leave the queue groups of public subjects. */
  serve(open: boolean): void;
  /** SIGKILL; without effect on a process that is gone, also if another one got its pid since. */
  kill(): void;
}

/** One that another supervisor has started: it was there before. */
export interface ClaimedProcess extends ActorProcess {
  readonly pid: number;
  /** Of its life. */
  readonly epoch: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** One line for people. */
  readonly detail: string;
}

export interface ProcessOptions {
  /** Compiled module that becomes the actor named in its start message. */
  readonly entry: string;
  readonly start: StartMessage;
  /** Takes down that the process exists. Until that is done it is not told to start, so none works unknown. */
  readonly note?: (pid: number) => Promise<void>;
}

export interface ProcessHandlers {
  onMessage(message: ChildMessage): void;
  /** Called once, after the last message. */
  onExit(exit: ProcessExit): void;
}

/** Too low: the cause of a crash is rotated away by the restarts after it; too high: logs fill the disk. */
const logBytesMax = 10 * 1024 * 1024;

/** How long after an exit to wait for the channel's last messages; only a leaked handle makes it take that long. */
const lastWordsMs = 1_000;

/**
 * The young generation of the heap has one size from the start, in MiB. Left alone, V8 doubles it whenever load peaks, from 1
 * to 16, keeps three such spaces, and gives them back much later: it would look as if every actor leaked for an hour.
 */
const youngSpaceFlags = ['--min-semi-space-size=8', '--max-semi-space-size=8'];

/**
 * Starts `node <entry> <kind> <address>` and sends it its start message. The address is there for `ps`; credentials go
 * through the channel only.
 *
 * If the supervisor itself dies, the channel closes, and the actor looks for the next one (adoption/).
 */
export function startActorProcess(
  options: ProcessOptions,
  handlers: ProcessHandlers,
): ActorProcess {
  const { entry, start } = options;
  const logFile = join(start.stateDir, 'logs', `${start.address}.log`);
  try {
    const { child, log } = startLogged({
      command: process.execPath,
      args: [...youngSpaceFlags, entry, start.kind, start.address],
      logFile,
      logBytesMax,
      env: childEnvironment(process.env),
      channel: true,
    });
    listen(child, handlers);
    const begun = begin(child, options, handlers);
    return {
      pid: child.pid ?? null,
      log,
      stop: (drainMs) => {
        if (begun()) send(child, { type: 'stop', drainMs });
        else child.kill('SIGTERM');
      },
      serve: (open) => {
        if (begun()) send(child, { type: 'serve', open });
      },
      kill: () => void child.kill('SIGKILL'),
    };
  } catch (error) {
    const detail = `could not be started: ${messageOf(error)}`;
    queueMicrotask(() => handlers.onExit({ code: null, signal: null, detail }));
    const nothing = () => undefined;
    return { pid: null, log: logFile, stop: nothing, serve: nothing, kill: nothing };
  }
}

/**
 * Sends the start message, after the note. A process that can't be noted is ended: it could work on unseen beside the one
 * that a successor starts. Returns whether the message was sent.
 */
function begin(
  child: ChildProcess,
  { start, note }: ProcessOptions,
  handlers: ProcessHandlers,
): () => boolean {
  let begun = false;
  const sendStart = (): void => {
    begun = true;
    send(child, start);
  };
  if (note === undefined || child.pid === undefined) sendStart();
  else {
    note(child.pid).then(sendStart, (error: unknown) => {
      handlers.onMessage({ type: 'failed', code: codeOf(error), message: messageOf(error) });
      child.kill('SIGKILL');
    });
  }
  return () => begun;
}

/**
 * The environment of an actor. A test runner's or a debugger's flags must not reach it (they would load a test
 * environment or take the debugger's port), and neither must anything that carries credentials of NATS.
 */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const withheld = /^(NODE_OPTIONS|NODE_V8_COVERAGE|NODE_CHANNEL_.*|JEST_.*|NATS_.*)$/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !withheld.test(name)));
}

/** Passes messages on, and the exit after the last of them: a process's last words say why it left. */
function listen(child: ChildProcess, handlers: ProcessHandlers): void {
  let ended = false;
  const end = (exit: Omit<ProcessExit, 'detail'>, detail: string): void => {
    if (ended) return;
    ended = true;
    handlers.onExit({ ...exit, detail });
  };
  child.on('message', (value) => {
    const message = ended ? undefined : parseChildMessage(value);
    if (message !== undefined) handlers.onMessage(message);
  });
  child.on('error', (error) => {
    // After a successful spawn an error is about the channel or a signal; the exit then tells the rest.
    if (child.pid === undefined) {
      end({ code: null, signal: null }, `could not be started: ${error.message}`);
    }
  });
  child.on('exit', (code, signal) => {
    setTimeout(() => end({ code, signal }, describeExit(code, signal)), lastWordsMs).unref();
  });
  child.on('close', (code, signal) => end({ code, signal }, describeExit(code, signal)));
}

function describeExit(code: number | null, signal: string | null): string {
  return signal === null ? `exited with code ${code}` : `killed by ${signal}`;
}

function send(child: ChildProcess, message: ParentMessage): void {
  if (!child.connected) return;
  // A message that can't be delivered means that the process is going; its exit is reported in any case.
  child.send(message, () => undefined);
}
