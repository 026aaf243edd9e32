import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isActorKind } from '../messages/supervision.js';
import type { HostedServer } from '../messages/hosts.js';

/** A host of the cluster: a process of its own on this machine, as on a machine of its own. */
export interface HostPlan {
  readonly name: string;
  readonly dataCenters: readonly string[];
}

/** A process that lives now. */
export interface LiveProcess {
  /** An address, a host, or a server's data center. */
  readonly name: string;
  /** Of an actor, `host` or `nats-server`. */
  readonly kind: string;
  readonly dataCenter: string;
  readonly pid: number;
}

export interface FleetOptions {
  readonly plans: readonly HostPlan[];
  /** Of all hosts; each has a folder of its own name in it, which is its state folder. */
  readonly folder: string;
  /** What is run by node to become a host; its name, data centers and state folder are added. */
  readonly command: readonly string[];
  readonly servers: () => readonly HostedServer[];
}

/** Between the end of a host and its next start, as an init system does it. */
const respawnMs = 500;
/** Its actors drain first. */
const stopMsMax = 30_000;

/** Hosts that are started again whenever they end, and what runs on them. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #hosts = new Map<string, ChildProcess>();
  readonly #held = new Set<string>();
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  start(): void {
    for (const plan of this.#options.plans) this.#spawn(plan);
  }

  /** Every process of the cluster; actors by the notes of their hosts, which are there before the actors work. */
  processes(): LiveProcess[] {
    const { plans, servers } = this.#options;
    return [
      ...plans.flatMap((plan) => [...this.#hostProcess(plan), ...this.#actorsOf(plan)]),
      ...servers().flatMap(({ dataCenter, pid }) =>
        pid === null ? [] : [{ name: dataCenter, kind: 'nats-server', dataCenter, pid }],
      ),
    ];
  }

  /** Hosts that can't come back: those of a data center that is lost. */
  hold(dataCenter: string, held: boolean): void {
    for (const { name, dataCenters } of this.#options.plans) {
      if (dataCenters[0] !== dataCenter) continue;
      if (held) this.#held.add(name);
      else this.#held.delete(name);
    }
  }

  /** Resolves when every host has drained its actors and left; what does not end is killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#hosts.values()].map(end));
  }

  #spawn(plan: HostPlan): void {
    if (this.#stopping) return;
    const { folder, command } = this.#options;
    const stateDir = path.join(folder, plan.name);
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const log = openSync(path.join(stateDir, 'host.log'), 'a', 0o600);
    const options = ['--name', plan.name, '--state', stateDir];
    const child = spawn(
      process.execPath,
      [...command, ...options, '--data-centers', plan.dataCenters.join(',')],
      // A process group of its own: Ctrl-C is for this process, which stops hosts in order.
      { stdio: ['ignore', log, log], detached: true },
    );
    closeSync(log);
    this.#hosts.set(plan.name, child);
    child.on('exit', () => this.#respawn(plan));
  }

  #respawn(plan: HostPlan): void {
    if (this.#stopping) return;
    setTimeout(() => {
      if (this.#held.has(plan.name)) this.#respawn(plan);
      else this.#spawn(plan);
    }, respawnMs);
  }

  #hostProcess({ name, dataCenters }: HostPlan): LiveProcess[] {
    const child = this.#hosts.get(name);
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return [];
    return [{ name, kind: 'host', dataCenter: dataCenters[0]!, pid: child.pid }];
  }

  #actorsOf({ name }: HostPlan): LiveProcess[] {
    return notesIn(path.join(this.#options.folder, name, 'children.json')).flatMap(
      ([address, pid]) => {
        const [dataCenter = '', kind] = address.split('.');
        return isActorKind(kind) ? [{ name: address, kind, dataCenter, pid }] : [];
      },
    );
  }
}

function notesIn(file: string): [string, number][] {
  try {
    const notes = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { pid: number }>;
    return Object.entries(notes).map(([address, { pid }]) => [address, pid]);
  } catch {
    return []; // The host has not started an actor yet.
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // One that is stopped would not hear it.
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await ended;
  clearTimeout(timer);
}
