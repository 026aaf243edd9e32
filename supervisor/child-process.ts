import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { assert } from '../core/base/assert.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import {
  addressIn,
  parseChildMessage,
  type ChildMessage,
  type ParentMessage,
  type StartMessage,
} from '../messages/child-messages.js';
import { startLogged } from '../runtime/os/logged-process.js';
import { ProcessMembers } from './process-members.js';

/**
 * The part of an actor in an operating-system process: its birth, its channel and its end. Everything that can go wrong, a
 * failing spawn included, ends in exactly one call of `onExit`, so that a supervisor has one path for all of it.
 */
export interface ActorProcess {
  /** Null if the process could not be started. */
  readonly pid: number | null;
  /** Where its output goes, or why it goes nowhere. */
  readonly log: string;
  /** Tells it that all in its process will be stopped, and it in its turn. */
  retire(): void;
  /** Asks it to drain; without effect on a process that is gone. */
  stop(drainMs: number): void;
  /** Tells it to join (open) or leave the queue groups of public subjects. */
  serve(open: boolean): void;
  /** Has the process watch itself for so long, with all in it, and say `profiled`. Whether it was told; left out where there is nothing to watch. */
  profile?(seconds: number): boolean;
  /**
   * SIGKILL to the process, whoever else is in it; without effect on one that is gone, also if another one got its pid since.
   * Where all in it were retired it ends this actor alone, and the process with the last of them.
   */
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
  /**
   * Of a process of several, for the one that tells their group of its end: all that were to stay there, itself among them.
   * Left out where it shares the end of another one: somebody else tells.
   */
  readonly together?: readonly string[];
  /** Of a process of several, for all but the one that stands for its end. */
  readonly shared?: {
    /** The one that does. */
    readonly with: string;
    /** Whether it counts as a crash of the one that is told, too. */
    readonly isCrash: boolean;
  };
}

export interface ProcessHandlers {
  onMessage(message: ChildMessage): void;
  /** Called once, after the last message. */
  onExit(exit: ProcessExit): void;
}

export interface ProcessOptions {
  /** Compiled module that becomes the actors named in its start messages. */
  readonly entry: string;
  readonly stateDir: string;
  /** Also of its log. */
  readonly name: string;
  /** An older process of that name still writes to the log, which is not to be moved away under it. */
  readonly sharesLog?: boolean;
  /** What `ps` shows of it. */
  readonly title: readonly string[];
}

export interface StartOptions {
  readonly start: StartMessage;
  /** Takes down that the actor runs there. Until that is done it is not told to start, so none works unknown. */
  readonly note?: (pid: number) => Promise<void>;
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
 * Of glibc: left alone it keeps a heap for each thread, and Node.js has ten. That is a tenth of the memory of a cluster
 * (`npm run bench -- footprint`), and none of them has so much to do that it would wait for another.
 */
const arenas = { MALLOC_ARENA_MAX: '2' };

const wasCalledOff = {
  code: null,
  signal: null,
  detail: 'was called off before it started',
} as const;

/**
 * `node <entry> <title>`, and the actors that were sent there. Names are there for `ps`; credentials go through the channel
 * only.
 *
 * If the supervisor itself dies, the channel closes, and the actors look for the next one (adoption/).
 */
export class HostedProcess {
  readonly pid: number | null;
  readonly log: string;
  readonly #child: ChildProcess | undefined;
  readonly #members = new ProcessMembers();
  readonly #hearing = new Map<string, ProcessHandlers>();
  #isGone = false;
  #hasEnded = false;

  constructor({ entry, stateDir, name, title, sharesLog = false }: ProcessOptions) {
    const logFile = join(stateDir, 'logs', `${name}.log`);
    try {
      const { child, log } = startLogged({
        command: process.execPath,
        args: [...youngSpaceFlags, entry, ...title],
        logFile,
        ...(sharesLog ? {} : { logBytesMax }),
        env: childEnvironment(process.env),
        channel: true,
      });
      this.#child = child;
      this.pid = child.pid ?? null;
      this.log = log;
      this.#listen(child);
    } catch (error) {
      this.pid = null;
      this.log = logFile;
      this.#isGone = true;
      const detail = `could not be started: ${messageOf(error)}`;
      queueMicrotask(() => this.#end({ code: null, signal: null, detail }));
    }
  }

  /** It writes no more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether another actor may be sent there: it runs, and somebody is in it who is to stay. */
  get isOpen(): boolean {
    return !this.#isGone && this.#members.goesOn;
  }

  /** Has it load what actors of these kinds consist of. */
  prepare(kinds: readonly ActorKind[]): void {
    this.#send({ type: 'prepare', kinds });
  }

  /** Nobody is in it, and nobody will be. */
  dismiss(): void {
    assert(this.#members.size === 0, 'nobody is in a process that is dismissed');
    this.#child?.kill('SIGTERM');
  }

  /** Has it become one more actor. */
  start({ start, note }: StartOptions, handlers: ProcessHandlers): ActorProcess {
    const { address } = start;
    const member = this.#members.add(address, (exit) => {
      this.#hearing.delete(address);
      handlers.onExit(exit);
    });
    this.#hearing.set(address, handlers);
    // Another life of the address may have begun here meanwhile; what concerns this one does not concern that one.
    const lives = (): boolean => this.#members.has(address, member);
    let begun = false;
    let calledOff = false;
    let { serving = true } = start;
    const begin = (): void => {
      if (calledOff || !lives()) return;
      begun = true;
      this.#send({ ...start, serving });
      if (member.isRetired) this.#send({ type: 'retire', address });
    };
    const notNoted = (error: unknown): void => {
      if (!calledOff && lives()) this.#notNoted(address, error);
    };
    if (note === undefined || this.pid === null) begin();
    else note(this.pid).then(begin, notNoted);
    return {
      pid: this.pid,
      log: this.log,
      retire: () => {
        if (!lives()) return;
        this.#members.retired(address);
        if (begun) this.#send({ type: 'retire', address });
      },
      stop: (drainMs) => {
        if (!lives()) return;
        this.#members.asked(address);
        if (begun) return this.#send({ type: 'stop', address, drainMs });
        calledOff = true;
        this.#callOff(address);
      },
      serve: (open) => {
        serving = open;
        if (begun && lives()) this.#send({ type: 'serve', address, open });
      },
      profile: (seconds) => {
        if (begun && lives()) this.#send({ type: 'profile', address, seconds });
        return begun && lives();
      },
      kill: () => {
        // One that is gone has no process to be heard from.
        if (lives() && this.#members.killed(address)) this.#child?.kill('SIGKILL');
      },
    };
  }

  #send(message: ParentMessage): void {
    if (this.#child?.connected !== true) return;
    // A message that can't be delivered means that the process is going; its exit is reported in any case.
    this.#child.send(message, () => undefined);
  }

  #callOff(address: string): void {
    if (this.#members.size === 1) this.#child?.kill('SIGTERM');
    else this.#members.left(address, wasCalledOff);
  }

  /** It could work on unseen beside the one that a successor starts. */
  #notNoted(address: string, error: unknown): void {
    const failed = { type: 'failed', code: codeOf(error), message: messageOf(error) } as const;
    this.#hearing.get(address)?.onMessage(failed);
    if (this.#members.size === 1) this.#child?.kill('SIGKILL');
    else this.#members.left(address, { code: null, signal: null, detail: 'was not noted' });
  }

  /** Passes messages on, and the exit after the last of them: a process's last words say why it left. */
  #listen(child: ChildProcess): void {
    child.on('message', (value) => this.#hear(value));
    child.on('error', (error) => {
      // After a successful spawn an error is about the channel or a signal; the exit then tells the rest.
      if (child.pid !== undefined) return;
      this.#isGone = true;
      this.#end({ code: null, signal: null, detail: `could not be started: ${error.message}` });
    });
    const end = (code: number | null, signal: string | null): void =>
      this.#end({ code, signal, detail: describeExit(code, signal) });
    child.on('exit', (code, signal) => {
      this.#isGone = true;
      setTimeout(() => end(code, signal), lastWordsMs).unref();
    });
    child.on('close', end);
  }

  #hear(value: unknown): void {
    const address = addressIn(value) ?? '';
    const message = parseChildMessage(value);
    const handlers = this.#hearing.get(address);
    if (message === undefined || handlers === undefined) return;
    this.#members.heard(address, message);
    if (message.type !== 'left') handlers.onMessage(message);
  }

  #end(exit: ProcessExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#members.ended(exit);
  }
}

/** What `ps` shows of a process: the actor that it is, or what those in it share. */
export function titleOf(
  name: string,
  { kind, address }: Pick<ActorSpec, 'kind' | 'address'>,
): readonly string[] {
  return name === address ? [kind, address] : [name];
}

/**
 * The environment of an actor. A test runner's or a debugger's flags must not reach it (they would load a test
 * environment or take the debugger's port), and neither must anything that carries credentials of NATS.
 */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const withheld = /^(NODE_OPTIONS|NODE_V8_COVERAGE|NODE_CHANNEL_.*|JEST_.*|NATS_.*)$/;
  const inherited = Object.entries(environment).filter(([name]) => !withheld.test(name));
  return { ...arenas, ...Object.fromEntries(inherited) };
}

function describeExit(code: number | null, signal: string | null): string {
  return signal === null ? `exited with code ${code}` : `killed by ${signal}`;
}
