import { clientOn } from '../client/client.js';
import type { ClusterStatus } from '../client/cluster-status.js';
import { StarlingError } from '../core/base/errors.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { Audit } from '../operations/audit/audit.js';
import { audit } from '../operations/audit/audit.js';
import type { Bus } from '../runtime/bus.js';
import type { LoadFigures } from './load.js';
import { Load } from './load.js';
import type { Fault, ScheduleOptions } from './schedule.js';
import { scheduleFaults } from './schedule.js';
import type { Victim } from './victims.js';
import { victimOf } from './victims.js';

/** What chaos needs of a cluster: to see it, to use it, and to read its streams. */
export interface ChaosCluster {
  status(): ClusterStatus;
  onEvent(listener: (event: SupervisionEvent) => void): () => void;
  /** Of clients, one per inference data center. */
  readonly sites: readonly Bus[];
  /** Of an administrator. */
  readonly admin: Bus;
}

export interface ChaosOptions extends ScheduleOptions {
  readonly cluster: ChaosCluster;
  readonly requestsPerSecond: number;
  /** Aborted: no more faults; what was begun is settled and judged. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface ChaosResult {
  readonly seed: number;
  readonly seconds: number;
  /** What was done, by target. */
  readonly faults: Readonly<Record<string, { kills: number; pauses: number; nobody: number }>>;
  /** From the exit of an actor until it was ready again, by kind. */
  readonly recoveries: Readonly<Record<string, readonly number[]>>;
  readonly load: LoadFigures;
  readonly availability: number;
  readonly audit: Audit;
  /** Processes of actors and servers that were replaced and are still there. */
  readonly orphans: readonly number[];
  /** Every actor was ready again, and all was learned. */
  readonly recovered: boolean;
}

const warmUpMs = 3_000;
const readyMsMax = 120_000;
const settleMsMax = 60_000;
const users = 200;
const items = 100;

/** Breaks a cluster that is used, by a schedule that a seed makes, then waits until it is whole again and looks at its books. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { cluster, seed, signal, requestsPerSecond, log } = options;
  await introduce(cluster.sites[0]!);
  const seen = new Set<number>();
  const recoveries: Record<string, number[]> = {};
  const forget = cluster.onEvent(({ address, recoveryMs }) => {
    if (recoveryMs !== undefined) (recoveries[kindOf(address)] ??= []).push(recoveryMs);
  });
  const faults: Record<string, { kills: number; pauses: number; nobody: number }> = {};
  const load = new Load(cluster.sites, requestsPerSecond);
  const startMs = performance.now();
  try {
    await sleep(warmUpMs);
    await breakThings(scheduleFaults(options), { cluster, signal, seen, faults, log });
  } finally {
    forget();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const whole = await until(() => cluster.status().ready, readyMsMax);
  await load.stop();
  const client = clientOn(cluster.admin);
  let books = await audit(cluster.admin, () => client.status(), settleMsMax);
  const idle = async (): Promise<boolean> => {
    books = await audit(cluster.admin, () => client.status(), 0);
    return books.ok && Object.values(books.findings.inFlight).every((count) => count === 0);
  };
  const learned = await until(idle, settleMsMax);
  return {
    seed,
    seconds,
    faults,
    recoveries,
    load: load.figures,
    availability: 1 - load.figures.failed / Math.max(1, load.figures.requests),
    audit: books,
    orphans: orphansOf(seen, cluster.status()),
    recovered: whole && learned,
  };
}

/** What can be recommended, and to whom. */
async function introduce(bus: Bus): Promise<void> {
  const client = clientOn(bus);
  const known = (entity: 'user' | 'item', count: number) =>
    Array.from({ length: count }, (_unused, id) => ({ entity, id, features: {} }));
  await client.ingestFeatures([...known('user', users), ...known('item', items)]);
  const found = await until(async () => {
    const { items: shown } = await client.recommend({ user: 0, k: 5 });
    return shown.length === 5;
  }, readyMsMax);
  if (!found) throw new StarlingError('TIMEOUT', 'nothing is recommended yet.');
}

interface Breaking {
  readonly cluster: ChaosCluster;
  readonly signal: AbortSignal;
  readonly seen: Set<number>;
  readonly faults: Record<string, { kills: number; pauses: number; nobody: number }>;
  readonly log: (line: string) => void;
}

async function breakThings(schedule: readonly Fault[], breaking: Breaking): Promise<void> {
  const { cluster, signal, seen, faults, log } = breaking;
  const startMs = performance.now();
  const pauses: Promise<void>[] = [];
  for (const fault of schedule) {
    await sleep(startMs + fault.atMs - performance.now());
    if (signal.aborted) break;
    const status = cluster.status();
    for (const { pid } of [...status.actors, ...status.natsServers])
      if (pid !== null) seen.add(pid);
    const count = (faults[fault.target] ??= { kills: 0, pauses: 0, nobody: 0 });
    const victim = victimOf(fault, status);
    if (!victim) {
      count.nobody++;
      continue;
    }
    log(`${(fault.atMs / 1000).toFixed(1)} s: ${fault.what} ${victim.name}`);
    if (fault.what === 'kill') {
      count.kills++;
      signalAll(victim, 'SIGKILL');
    } else {
      count.pauses++;
      pauses.push(pause(victim, fault.lastsMs));
    }
  }
  await Promise.all(pauses);
}

async function pause(victim: Victim, ms: number): Promise<void> {
  signalAll(victim, 'SIGSTOP');
  await sleep(ms);
  signalAll(victim, 'SIGCONT');
}

function signalAll({ pids }: Victim, signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already, by an earlier fault or by its supervisor.
    }
  }
}

function orphansOf(seen: ReadonlySet<number>, { actors, natsServers }: ClusterStatus): number[] {
  const wanted = new Set([...actors, ...natsServers].map(({ pid }) => pid));
  return [...seen].filter((pid) => !wanted.has(pid) && isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      if (await holds()) return true;
    } catch (error) {
      // What can't be asked is not there yet.
      if (performance.now() > endMs) throw error;
    }
    if (performance.now() > endMs) return false;
    await sleep(200);
  }
}

function kindOf(address: string): string {
  return address.split('.')[1] ?? address;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
