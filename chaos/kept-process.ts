import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** Between the end of a process and its next start, as an init system does it. */
const respawnMs = 500;
/** What runs in it drains first. */
const stopMsMax = 30_000;

/** A process that is started again whenever it ends, as by an init system. */
export class KeptProcess {
  readonly #command: readonly string[];
  readonly #logFile: string;
  readonly #atOnce: NodeJS.Signals;
  #child: ChildProcess | undefined;
  #stopping = false;
  /** It may not come back for now. */
  held = false;

  /** @param atOnce ends it without delay, when whoever keeps it ends so. */
  constructor(command: readonly string[], logFile: string, atOnce: NodeJS.Signals = 'SIGKILL') {
    this.#atOnce = atOnce;
    this.#command = command;
    this.#logFile = logFile;
    // Who keeps it may end in a hurry; then nobody would.
    process.on('exit', this.#end);
  }

  readonly #end = (): void => {
    this.#child?.kill(this.#atOnce);
    // One that is stopped would not hear it.
    this.#child?.kill('SIGCONT');
  };

  /** Also while it is gone for a moment. */
  get started(): boolean {
    return this.#child !== undefined;
  }

  /** Undefined while it is not there. */
  get pid(): number | undefined {
    const child = this.#child;
    const ended = !child || child.exitCode !== null || child.signalCode !== null;
    return ended ? undefined : child.pid;
  }

  start(): void {
    if (this.#stopping) return;
    const [file, ...args] = this.#command as [string, ...string[]];
    const log = openSync(this.#logFile, 'a', 0o600);
    // A process group of its own: Ctrl-C is for who keeps it, and stops it in order.
    // Actors inherit it from their host.
    const env = { ...process.env, STARLING_VERIFY: '1' };
    const child = spawn(file, args, { stdio: ['ignore', log, log], detached: true, env });
    closeSync(log);
    this.#child = child;
    child.on('exit', () => this.#startLater());
  }

  /** Resolves when it has ended; what does not end by itself is killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    process.off('exit', this.#end);
    const child = this.#child;
    if (!child || this.pid === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    // One that is stopped would not hear it.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(timer);
  }

  #startLater(): void {
    if (this.#stopping) return;
    setTimeout(() => {
      if (this.held) this.#startLater();
      else this.start();
    }, respawnMs);
  }
}
