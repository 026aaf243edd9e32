import { setTimeout as sleep } from 'node:timers/promises';
import { clientOn } from '../client/client.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { StarlingError } from '../core/base/errors.js';
import type { Law } from '../operations/audit/laws.js';
import { audit } from '../operations/audit/audit.js';
import { retried } from '../runtime/retry-read.js';
import type { Bus } from '../runtime/bus/bus.js';
import { acknowledgedLaws } from './acknowledged.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { changeAndGoBack, type ConfigFigures } from './config-changes.js';
import { FailureLog } from './failure-log.js';
import type { Ground } from './faults.js';
import { carryOut } from './faults.js';
import type { LiveProcess } from './fleet.js';
import type { LoadFigures, Site } from './steady-load.js';
import { Load } from './steady-load.js';
import type { MemoryFigures } from './memory.js';
import { MemoryWatch } from './memory.js';
import { recoveryMs } from './recoveries.js';
import type { Fault, ScheduleOptions, Target } from './schedule.js';
import { scheduleFaults } from './schedule.js';
import type { Victim } from './victims.js';
import { victimOf } from './victims.js';

export interface ChaosOptions extends ScheduleOptions {
  readonly ground: Ground;
  /** Of clients, one in each inference data center. */
  readonly sites: readonly Site[];
  /** Of an administrator. */
  readonly admin: Bus;
  /** That the cluster was started with. */
  readonly config: ClusterConfig;
  /** Whether another one is rolled out in the middle, and that of before again. */
  readonly changesConfig: boolean;
  readonly requestsPerSecond: number;
  /** Load before the first fault; requests count, and memory is looked at, from then on. */
  readonly warmUpMs: number;
  /** Aborted: no more faults; what was begun is settled and judged. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface FaultFigures {
  kills: number;
  pauses: number;
  losses: number;
  /** Links that were cut, blocked or slow. */
  links: number;
  /** Times that there was none of the kind to be met. */
  nobody: number;
  /** From the fault until all was well again, milliseconds. */
  readonly recoveriesMs: number[];
  unrecovered: number;
}

export interface ChaosResult {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: Readonly<Partial<Record<Target, FaultFigures>>>;
  /** Absent: the configuration has not changed. */
  readonly configuration?: ConfigFigures;
  readonly load: LoadFigures;
  readonly availability: number;
  /** From the loss of an inference data center to the first answer that its people got from elsewhere. */
  readonly reroutesMs: readonly number[];
  /** Of the audit, and of what people were told. */
  readonly laws: readonly Law[];
  /** Impressions that came when their window had long ended: counted, and not learned. Null: joiners did not tell. */
  readonly late: number | null;
  /** Every actor was ready again, and all was learned. */
  readonly recovered: boolean;
  readonly memory: readonly MemoryFigures[];
  /** Every process that was seen: none may be left when the cluster has stopped. */
  readonly processes: readonly LiveProcess[];
}

const readyMsMax = 120_000;
const settleMsMax = 120_000;
const users = 200;
const items = 100;

/** Breaks a cluster that is used, by a schedule that a seed makes, then waits until it is whole again and looks at its books. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { sites, admin, ground, seed, requestsPerSecond, warmUpMs, log } = options;
  const { fleet } = ground;
  const client = clientOn(admin, 2_000);
  await introduce(sites[0]!.bus);
  const startMs = performance.now();
  const failures = new FailureLog((line) => {
    const seconds = (performance.now() - startMs - warmUpMs) / 1000;
    log(`${seconds.toFixed(1)} s: ${line}`);
  });
  const load = new Load(sites, requestsPerSecond, (site, code) => failures.add(site, code));
  await sleep(warmUpMs, undefined, { signal: options.signal }).catch(() => undefined);
  load.count();
  const memory = new MemoryWatch(fleet);
  const countedMs = performance.now();
  const run = new Breaking(options, load, () => client.status());
  await run.all();
  const seconds = (performance.now() - countedMs) / 1000;
  const whole = await until(async () => (await client.status()).ready, readyMsMax);
  memory.stop();
  await load.stop();
  failures.flush();
  // Who was asked just when a machine had no time for it is asked again.
  let books = await retried(admin, () => audit(admin, () => client.status(), settleMsMax));
  const learned = await until(async () => {
    books = await audit(admin, () => client.status(), 0);
    return books.ok && Object.values(books.findings.inFlight).every((count) => count === 0);
  }, settleMsMax);
  run.note(fleet.processes());
  return {
    seed,
    seconds,
    faults: run.figures,
    ...(options.changesConfig ? { configuration: run.configuration } : {}),
    load: load.figures,
    availability: 1 - load.figures.failed / Math.max(1, load.figures.requests),
    reroutesMs: run.reroutesMs,
    late: books.findings.joiners?.lateImpressions ?? null,
    laws: [...books.laws, ...acknowledgedLaws(load.figures, books.findings)],
    recovered: whole && learned,
    memory: memory.figures(),
    processes: [...run.processes.values()],
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

/** One run of faults, and what came of each. */
class Breaking {
  readonly figures: Partial<Record<Target, FaultFigures>> = {};
  readonly reroutesMs: number[] = [];
  readonly configuration: ConfigFigures = { rolloutsMs: [], failures: [] };
  /** By pid. */
  readonly processes = new Map<number, LiveProcess>();
  readonly #options: ChaosOptions;
  readonly #load: Load;
  readonly #status: () => Promise<ClusterStatus>;
  readonly #running: Promise<void>[] = [];
  #leader = { host: '', term: 0 };

  constructor(options: ChaosOptions, load: Load, status: () => Promise<ClusterStatus>) {
    this.#options = options;
    this.#load = load;
    this.#status = status;
  }

  /** Resolves when every fault is over, and what it met is well again or given up. */
  async all(): Promise<void> {
    const { signal, ground, durationMs } = this.#options;
    const startMs = performance.now();
    if (this.#options.changesConfig) this.#running.push(this.#changeConfig(startMs));
    for (const fault of scheduleFaults(this.#options)) {
      await this.#wait(startMs + fault.atMs);
      if (signal.aborted) break;
      await this.#look();
      const processes = ground.fleet.processes();
      this.note(processes);
      const victim = victimOf(fault, processes, this.#leader.host);
      if (victim) this.#meet(fault, victim, startMs);
      else this.#figuresOf(fault.target).nobody++;
    }
    await this.#wait(startMs + durationMs);
    await Promise.all(this.#running);
  }

  note(processes: readonly LiveProcess[]): void {
    for (const each of processes) this.processes.set(each.pid, each);
  }

  /** A third of the time as it was, and so on. */
  async #changeConfig(startMs: number): Promise<void> {
    const { admin, config, durationMs, signal, log } = this.#options;
    await this.#wait(startMs + durationMs / 3);
    if (signal.aborted) return;
    const untilBack = (): Promise<void> => this.#wait(startMs + (2 * durationMs) / 3);
    const figures = this.configuration;
    await changeAndGoBack({ admin, config, figures, untilBack, log });
  }

  #meet(fault: Fault, victim: Victim, startMs: number): void {
    const { ground, log } = this.#options;
    const { target, what, lastsMs } = fault;
    const figures = this.#figuresOf(target);
    if (what === 'kill') figures.kills++;
    else if (what === 'pause') figures.pauses++;
    else if (what === 'loss') figures.losses++;
    else figures.links++;
    const atMs = performance.now();
    const how = what === 'kill' ? '' : ` for ${(lastsMs / 1000).toFixed(1)} s`;
    const name = target === victim.name ? target : `${target} ${victim.name}`;
    log(`${((atMs - startMs) / 1000).toFixed(1)} s: ${what} ${name}${how}`);
    if (what === 'loss') this.#timeReroute(victim.dataCenter, atMs);
    const over = carryOut(fault, victim, ground);
    const { term } = this.#leader;
    const recovery = recoveryMs({ fault, victim, status: this.#status, term, over });
    this.#running.push(
      Promise.all([over, recovery]).then(([, ms]) => {
        if (ms === undefined) figures.unrecovered++;
        else figures.recoveriesMs.push(ms);
      }),
    );
  }

  #timeReroute(dataCenter: string, atMs: number): void {
    if (!this.#options.sites.some((site) => site.dataCenter === dataCenter)) return;
    const forget = this.#load.onAnswer((answer) => {
      if (answer.site !== dataCenter || answer.askedAtMs < atMs) return;
      if (answer.dataCenter === dataCenter) return;
      this.reroutesMs.push(answer.answeredAtMs - atMs);
      forget();
    });
  }

  /** Who leads now; while nobody can be asked, who did. */
  async #look(): Promise<void> {
    try {
      const { leader, term } = await this.#status();
      this.#leader = { host: leader, term };
    } catch {
      // The one before, then.
    }
  }

  async #wait(untilMs: number): Promise<void> {
    const { signal } = this.#options;
    for (;;) {
      const leftMs = untilMs - performance.now();
      if (signal.aborted || leftMs <= 0) return;
      await sleep(Math.min(500, leftMs));
    }
  }

  #figuresOf(target: Target): FaultFigures {
    return (this.figures[target] ??= {
      ...{ kills: 0, pauses: 0, losses: 0, links: 0, nobody: 0, unrecovered: 0 },
      recoveriesMs: [],
    });
  }
}

async function until(holds: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
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
