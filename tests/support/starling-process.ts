import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectStarling } from '../../client/client.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { codeOf, errorCodes } from '../../core/base/errors.js';

const cli = fileURLToPath(new URL('../../cli/starling.js', import.meta.url));

const statusPatience = { connectTimeoutMs: 2_000, deadlineMs: 2_000 };

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs one command to its end. */
export function starling(...args: string[]): Promise<Finished> {
  return finished(start(args));
}

/** The same with other environment variables. */
export function starlingWith(
  variables: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Finished> {
  return finished(start(args, variables));
}

function start(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): ChildProcess {
  // Jest's own flags must not reach a program that is not a test.
  const env = { ...process.env, ...variables };
  delete env['NODE_OPTIONS'];
  return spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
}

function finished(child: ChildProcess): Promise<Finished> {
  let output = '';
  child.stdout!.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr!.on('data', (data: Buffer) => (output += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

/** What a command said with --json, behind whatever it told on its way. @throws with all that it said if there is none. */
export function jsonOf({ code, output }: Finished): unknown {
  const start = /^\{/m.exec(output)?.index;
  if (start === undefined) throw new Error(`exit code ${code}, no JSON: ${output}`);
  return JSON.parse(output.slice(start));
}

export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-test-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A cluster, or a host of it, in a process of its own. */
class StarlingProcess {
  readonly stateDir: string;
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcess;

  protected constructor(command: 'up' | 'host', stateDir: string, args: readonly string[]) {
    this.stateDir = stateDir;
    this.#child = start([command, '--state', stateDir, ...args]);
    this.finished = finished(this.#child);
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Undefined while it can't be asked. Not by the command line, whose start would cost more than all that is tested. */
  async status(): Promise<ClusterStatus | undefined> {
    try {
      const client = await connectStarling({ stateDir: this.stateDir, ...statusPatience });
      try {
        return await client.status();
      } finally {
        await client.close();
      }
    } catch (error) {
      if (errorCodes[codeOf(error)].retryable || codeOf(error) === 'NOT_RUNNING') return undefined;
      throw error;
    }
  }

  async until(
    what: string,
    holds: (status: ClusterStatus) => boolean,
    timeoutMs = 60_000,
  ): Promise<ClusterStatus> {
    const endMs = Date.now() + timeoutMs;
    for (;;) {
      const status = await this.status();
      if (status && holds(status)) return status;
      if (this.ended)
        throw new Error(`the cluster ended before ${what}: ${(await this.finished).output}`);
      if (Date.now() > endMs)
        throw new Error(
          `not ${what} in time: ${JSON.stringify(status?.actors.map((actor) => [actor.address, actor.state]))}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Kills the process that was started, and nothing else. */
  killSupervisor(): void {
    this.#child.kill('SIGKILL');
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** Ends it, whatever state it is in. */
  async stop(): Promise<Finished> {
    if (!this.ended) this.#child.kill('SIGTERM');
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), 30_000);
    const result = await this.finished;
    clearTimeout(killer);
    return result;
  }
}

/** As a user starts a cluster on one machine, with its simulated audience. */
export class StarlingUp extends StarlingProcess {
  constructor(stateDir: string, ...args: string[]) {
    super('up', stateDir, ['--audience', ...args]);
  }
}

/** As somebody starts a cluster for users of his own. */
export class StarlingUpAlone extends StarlingProcess {
  constructor(stateDir: string, ...args: string[]) {
    super('up', stateDir, args);
  }
}

/** As a user starts a host of a cluster: without an audience. */
export class StarlingHost extends StarlingProcess {
  constructor(stateDir: string, ...args: string[]) {
    super('host', stateDir, args);
  }
}
