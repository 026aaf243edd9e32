import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { HostedServer } from '../messages/hosts.js';
import { isActorKind } from '../messages/actor-kinds.js';
import { KeptProcess } from './kept-process.js';

/** A host of the cluster: a process of its own on this machine, as on a machine of its own. */
export interface HostPlan {
  readonly name: string;
  readonly dataCenters: readonly string[];
  /** Command that runs a command in the network of the host; absent: in that of this process. */
  readonly within?: readonly string[];
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

interface Host {
  readonly plan: HostPlan;
  readonly process: KeptProcess;
}

/** Hosts that are started again whenever they end, and what runs on them. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #hosts: readonly Host[];

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#hosts = options.plans.map((plan) => ({ plan, process: hostProcess(plan, options) }));
  }

  /** Names of hosts. */
  get hosts(): string[] {
    return this.#hosts.map(({ plan }) => plan.name);
  }

  /** @param dataCenter only its hosts; absent: all that have not been started yet. */
  start(dataCenter?: string): void {
    for (const { plan, process } of this.#hosts) {
      if (process.started || plan.dataCenters[0] !== (dataCenter ?? plan.dataCenters[0])) continue;
      process.start();
    }
  }

  /** Every process of the cluster; actors by the notes of their hosts, which are there before the actors work. */
  processes(): LiveProcess[] {
    const { folder, servers } = this.#options;
    return [
      ...this.#hosts.flatMap(({ plan: { name, dataCenters }, process: { pid } }) =>
        pid === undefined ? [] : [{ name, kind: 'host', dataCenter: dataCenters[0]!, pid }],
      ),
      ...this.#hosts.flatMap(({ plan }) => actorsIn(path.join(folder, plan.name))),
      ...servers().flatMap(({ dataCenter, pid }) =>
        pid === null ? [] : [{ name: dataCenter, kind: 'nats-server', dataCenter, pid }],
      ),
    ];
  }

  /** Hosts that can't come back: those of a data center that is lost. */
  hold(dataCenter: string, held: boolean): void {
    for (const { plan, process } of this.#hosts)
      if (plan.dataCenters[0] === dataCenter) process.held = held;
  }

  /** Resolves when every host has drained its actors and left; what does not end is killed. */
  async stop(): Promise<void> {
    await Promise.all(this.#hosts.map(({ process }) => process.stop()));
  }
}

function hostProcess(
  { name, dataCenters, within = [] }: HostPlan,
  { folder, command }: FleetOptions,
): KeptProcess {
  const stateDir = path.join(folder, name);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const options = ['--name', name, '--state', stateDir, '--data-centers', dataCenters.join(',')];
  return new KeptProcess(
    [...within, process.execPath, ...command, ...options],
    path.join(stateDir, 'host.log'),
    // It takes its actors along; one that is killed leaves them to a successor.
    'SIGQUIT',
  );
}

function actorsIn(stateDir: string): LiveProcess[] {
  return notesIn(path.join(stateDir, 'children.json')).flatMap(([name, pid]) => {
    const [dataCenter = '', kind] = name.split('.');
    return isActorKind(kind) ? [{ name, kind, dataCenter, pid }] : [];
  });
}

function notesIn(file: string): [string, number][] {
  try {
    const notes = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { pid: number }>;
    return Object.entries(notes).map(([address, { pid }]) => [address, pid]);
  } catch {
    return []; // The host has not started an actor yet.
  }
}
