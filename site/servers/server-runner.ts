import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import {
  backoffMs,
  noCrashes,
  recordCrash,
  type Backoff,
  type RestartIntensity,
} from '../../runtime/restart-policy.js';
import { acceptsClients, hasGateways, hasMetaLeader, isAlive } from './monitor.js';
import type { DataCenterServer } from './server-config.js';
import type { ProcessIdentity } from '../../runtime/os/process-identity.js';
import {
  adoptServerProcess,
  startServerProcess,
  tailOf,
  type ServerExit,
  type ServerProcess,
} from './server-process.js';

/**
 * Keeps the server of one data center running. It never gives up: without a server the data center is down, and what
 * stops one from running (a full disk, a taken port) is often gone some time later. The pause between tries is bounded.
 */
export interface ServerExitEvent {
  readonly dataCenter: string;
  readonly pid: number | undefined;
  readonly atMs: number;
  /** NATS_SERVER_FAILED or STORAGE_FULL, with how it ended and the last lines of its log. */
  readonly error: StarlingError;
  readonly restartInMs: number;
}

export interface ServerRestartEvent {
  readonly dataCenter: string;
  readonly pid: number;
  readonly atMs: number;
  /** From the exit until streams could be managed through it again. */
  readonly downMs: number;
}

export interface ServerEvents {
  /** It runs since an earlier cluster, and is kept. */
  onKept?(dataCenter: string, pid: number): void;
  onStarted?(dataCenter: string, pid: number): void;
  /** It has not answered so many times in a row and is killed, to be restarted. */
  onHung?(dataCenter: string, silences: number): void;
  onExit?(event: ServerExitEvent): void;
  onRestart?(event: ServerRestartEvent): void;
}

/** There is no last one: it goes on for ever. */
export type ServerRestarts = Backoff & Pick<RestartIntensity, 'restartWindowMs'>;

export interface ServerFiles {
  readonly binary: string;
  readonly configFile: string;
  readonly logFile: string;
}

const pollMs = 25;

/** Between two questions to a running server. Too low: load for nothing. Too high: a hung one is noticed late. */
const askMs = 1_000;
/** Questions in a row without an answer, each waiting 2 s, before a server counts as hung and is killed. */
const silencesMax = 3;

export class ServerRunner {
  readonly server: DataCenterServer;
  readonly #files: ServerFiles;
  readonly #restarts: ServerRestarts;
  readonly #events: ServerEvents;
  /** The only one there is: it elects nobody. */
  readonly #isAlone: boolean;
  readonly #stopping = new AbortController();
  #process: ServerProcess;
  #crashes = noCrashes;
  #watching: Promise<void> = Promise.resolve();

  constructor(
    server: DataCenterServer,
    files: ServerFiles,
    restarts: ServerRestarts,
    { isAlone, ...events }: ServerEvents & { readonly isAlone: boolean },
    kept?: ProcessIdentity,
  ) {
    this.server = server;
    this.#files = files;
    this.#restarts = restarts;
    this.#events = events;
    this.#isAlone = isAlone;
    this.#process = kept === undefined ? this.#launch() : adoptServerProcess(kept);
    if (kept !== undefined) events.onKept?.(server.name, kept.pid);
  }

  /** Undefined while there is no process. */
  get pid(): number | undefined {
    return this.#process.isRunning() ? this.#process.pid : undefined;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /**
   * Until the first start has succeeded, an exit is an error for the caller rather than a reason to restart: a wrong
   * configuration would be wrong again.
   *
   * @param others data centers it must have gateways to
   * @throws NATS_SERVER_FAILED with the last lines of the log, STORAGE_FULL where that is the likely reason
   */
  async untilReady(others: readonly string[], deadlineMs: number): Promise<void> {
    const server = this.#process;
    while (!(await this.#isReady(others))) {
      if (!server.isRunning()) throw await this.#failure(await server.exited);
      if (performance.now() > deadlineMs) throw await this.#failure(undefined);
      await sleep(pollMs);
    }
  }

  /** From now on, an exit leads to a restart. */
  watch(): void {
    this.#watching = Promise.all([this.#restartForEver(), this.#killWhenHung()]).then(
      () => undefined,
    );
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#process.stop(graceMs);
    await this.#watching;
  }

  #launch(): ServerProcess {
    const server = startServerProcess(this.#files);
    if (server.pid !== undefined) this.#events.onStarted?.(this.server.name, server.pid);
    return server;
  }

  async #restartForEver(): Promise<void> {
    while (!this.#isStopping()) {
      const { pid } = this.#process;
      const exit = await this.#process.exited;
      if (this.#isStopping()) return;
      const error = await this.#failure(exit);
      const exitedAtMs = Date.now();
      this.#crashes = recordCrash(this.#crashes, exitedAtMs, this.#restarts.restartWindowMs);
      const restartInMs = backoffMs(this.#crashes, this.#restarts, Math.random());
      this.#events.onExit?.({
        dataCenter: this.server.name,
        pid,
        atMs: exitedAtMs,
        error,
        restartInMs,
      });
      await this.#pause(restartInMs);
      if (this.#isStopping()) return;
      this.#process = this.#launch();
      await this.#announceWhenReady(this.#process, exitedAtMs);
    }
  }

  /** A hung server never exits, and its clients wait for it: an end by force makes it one that is restarted. */
  async #killWhenHung(): Promise<void> {
    let silences = 0;
    while (!this.#isStopping()) {
      const { pid } = this;
      const alive = pid === undefined || (await isAlive(this.server.ports));
      silences = alive || pid !== this.pid ? 0 : silences + 1;
      if (silences >= silencesMax) {
        this.#events.onHung?.(this.server.name, silences);
        this.kill('SIGKILL');
        silences = 0;
      }
      await this.#pause(askMs);
    }
  }

  /** Ends as soon as the process does, so that the next restart is not held up. */
  async #announceWhenReady(server: ServerProcess, exitedAtMs: number): Promise<void> {
    while (server.isRunning() && !this.#isStopping()) {
      if (server.pid !== undefined && (await this.#isReady([]))) {
        this.#crashes = { ...this.#crashes, crashesSinceReady: 0 };
        const atMs = Date.now();
        const downMs = atMs - exitedAtMs;
        this.#events.onRestart?.({ dataCenter: this.server.name, pid: server.pid, atMs, downMs });
        return;
      }
      await this.#pause(pollMs);
    }
  }

  async #isReady(others: readonly string[]): Promise<boolean> {
    const { ports } = this.server;
    if (this.#isAlone) return (await acceptsClients(ports)) && (await isAlive(ports));
    return (
      (await acceptsClients(ports)) &&
      (await hasMetaLeader(ports)) &&
      (await hasGateways(ports, others))
    );
  }

  async #pause(pauseMs: number): Promise<void> {
    try {
      await sleep(pauseMs, undefined, { signal: this.#stopping.signal });
    } catch {
      // Cut short by stop(): callers look at that next.
    }
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** @param exit undefined if it runs, but was not ready in time */
  async #failure(exit: ServerExit | undefined): Promise<StarlingError> {
    const { logFile, binary } = this.#files;
    const tail = await tailOf(logFile);
    const full = exit !== undefined && (await isFull(path.dirname(logFile)));
    const what = `nats-server of data center ${this.server.name} ${endingOf(exit, binary)}`;
    return new StarlingError(
      full ? 'STORAGE_FULL' : 'NATS_SERVER_FAILED',
      `${what}${full ? ', and its disk is full' : ''}; its log is ${logFile}${tail === '' ? '' : ` and ends with\n${tail}`}`,
      { dataCenter: this.server.name, logFile, code: exit?.code, signal: exit?.signal },
      { cause: exit?.spawnError },
    );
  }
}

function endingOf(exit: ServerExit | undefined, binary: string): string {
  if (exit === undefined) return 'was not ready in time';
  if (exit.spawnError !== undefined)
    return `did not start (${binary}: ${messageOf(exit.spawnError)})`;
  if (exit.code === null && exit.signal === null) return 'ended';
  return exit.signal === null ? `exited with ${exit.code}` : `was killed by ${exit.signal}`;
}

/** Below this, a server can't write a block of a stream. A server on a full disk often can't even log that it is. */
const freeBytesMin = 16 * 2 ** 20;

async function isFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize < freeBytesMin;
  } catch {
    return false; // Some file systems can't say; the log will have to do.
  }
}
