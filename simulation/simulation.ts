import type { Logger } from 'pino';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { ErrorCode } from '../core/base/errors.js';
import { decode } from '../messages/codec.js';
import { ActivityCheck } from './checks/activity-check.js';
import { ConfigHistory } from './checks/config-history.js';
import { wrongVersions } from './checks/config-check.js';
import { FateCheck } from './checks/fate-check.js';
import { FeatureCheck } from './checks/feature-check.js';
import { LeaseCheck } from './checks/lease-check.js';
import { OwnerCheck } from './checks/owner-check.js';
import { MachineCoverage } from './checks/machine-coverage.js';
import { watchedLogs } from './checks/log-check.js';
import { OutcomeCheck } from './checks/outcome-check.js';
import { RowCheck } from './checks/row-check.js';
import { wrongSettings } from './checks/settings-check.js';
import { QuietCheck } from './checks/quiet-check.js';
import { checkRequests, checkServed } from './checks/request-check.js';
import { Violations } from './checks/violation.js';
import { Operator } from './cluster/operator.js';
import { Leavers } from './cluster/leavers.js';
import { SimulatedAudience, toldKey } from './cluster/simulated-audience.js';
import { SimulatedCluster } from './cluster/simulated-cluster.js';
import { configOf } from './cluster/simulated-config.js';
import { SimulatedImporter } from './cluster/simulated-importer.js';
import { changesConfig, type Fault } from './faults/fault.js';
import { Faults } from './faults/faults.js';
import type { ScheduleOptions } from './faults/schedule.js';
import { phasesOf, scheduleOf, usualSchedule } from './faults/schedule.js';
import type { SimulatedActor } from './hosts/simulated-actor.js';
import type { SimulatedHost } from './hosts/simulated-host.js';
import type { Counts, SimulationReport } from './report.js';
import { SeededRandom } from './time/seeded-random.js';

export interface SimulationOptions {
  readonly seed: number;
  /** Of the time of the simulation. */
  readonly minutes: number;
  /** Default: what the seed makes of it. */
  readonly schedule?: readonly Fault[];
  /** Where what hosts and actors say goes; default: nowhere. */
  readonly logOf?: (name: string) => Logger;
}

type Scheduled = SimulationOptions & Required<Pick<SimulationOptions, 'schedule'>>;

function timesOf({ minutes }: Pick<SimulationOptions, 'minutes'>): ScheduleOptions {
  return { ...usualSchedule, endMs: minutes * 60_000 };
}

function scheduleOfSeed(options: Pick<SimulationOptions, 'seed' | 'minutes'>): readonly Fault[] {
  return scheduleOf(new SeededRandom(options.seed, 0x5eed), timesOf(options));
}

interface Answer {
  readonly error?: { readonly code?: string };
  readonly outcome?: string;
}

interface RankerStats {
  readonly denseVersion?: unknown;
  readonly denseWaiting?: unknown;
}

interface Told {
  readonly id?: string;
  readonly requestId?: string;
  readonly item: string;
}

/** Hosts by the data centers that they serve; the seed chooses one. */
const topologies: readonly Readonly<Record<string, readonly string[]>>[] = [
  { h1: ['train'], h2: ['train'], h3: ['east', 'west'] },
  { h1: ['train'], h2: ['train', 'east'], h3: ['east', 'west'], h4: ['west'] },
  { h1: ['train', 'east', 'west'], h2: ['train', 'east', 'west'] },
];

/** What an actor may fail with when the world is against it; everything else is a defect. */
const excusable = new Set<string>([
  'TIMEOUT',
  'UNAVAILABLE',
  'NO_RESPONDERS',
  'STORAGE_FULL',
  'FENCED',
  'NOT_OWNER',
  'NOT_READY',
  'OVERLOADED',
  'CONFLICT',
] satisfies ErrorCode[]);

const users = 20;
const items = 30;
const lookMs = 2_000;
/** Some 1,000 is usual. Whoever does not pause between two tries makes as many as he likes. */
const eventsPerLookMax = 50_000;
/** Longer than anybody waits for a recommendation. */
const settleMs = 3_500;
/** Longer than a host takes to hear of the others, and an actor to end. */
const haltMs = 12_000;
/** Longer than somebody takes who changes something and comes back to look. */
const changeMs = 9_000;
/** Of a snapshot of so few rows, behind one whose shard has died: that is noticed after 15 s. */
const snapshotMsMax = 20_000;
const againMs = 1_000;
const changeEveryMs = 4_000;
const weighEveryMs = 7_000;
const coverage = new MachineCoverage();

/** One run: a cluster, its people, its troubles, and those who watch that nothing happens that must not. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #cluster: SimulatedCluster;
  readonly #violations: Violations;
  readonly #audiences: readonly SimulatedAudience[];
  readonly #operator: Operator;
  readonly #faults: Faults;
  readonly #features: FeatureCheck;
  readonly #activity: ActivityCheck;
  readonly #outcomes: OutcomeCheck;
  readonly #fates: FateCheck;
  readonly #history: ConfigHistory;
  readonly #rows: RowCheck;
  readonly #times: ScheduleOptions;
  readonly schedule: readonly Fault[];
  /** Of what the operator changes. */
  readonly #chance: SeededRandom;
  readonly #failures = new Map<string, number>();
  #calmSinceMs = Infinity;

  private constructor(options: Scheduled, cluster: SimulatedCluster) {
    this.#options = options;
    this.#cluster = cluster;
    const { time, servers, names } = cluster;
    this.#violations = new Violations(() => time.nowMs);
    const { report } = this.#violations;
    this.#chance = new SeededRandom(options.seed, 0x5e7);
    this.#times = timesOf(options);
    this.schedule = options.schedule;
    this.#history = new ConfigHistory(servers, names, cluster.config);
    this.#rows = new RowCheck(servers, names, this.#history);
    const owners = new OwnerCheck(servers, names, report);
    const leases = new LeaseCheck(servers, names, cluster.config, report);
    servers.onAnswer = ({ id }, subject, request, reply) => {
      const answer = decode(reply) as Answer;
      if (answer.error) this.#refused(subject, answer.error.code ?? 'INTERNAL');
      else {
        owners.answered(id, subject, request, answer);
        leases.answered(subject);
      }
    };
    this.#fates = new FateCheck(cluster.config, report);
    this.#features = new FeatureCheck(servers, names, this.#history, report);
    this.#activity = new ActivityCheck(servers, names, this.#history, report);
    this.#outcomes = new OutcomeCheck(servers, names, this.#history, report);
    servers.onServed = (served) => checkServed(served, report);
    const operates = cluster.connect(this.#outsider('operator'), 'train');
    const leaver = this.#outsider('people who leave');
    const leavers = new Leavers({
      ...{ bus: operates, servers, process: leaver, report, items },
      client: cluster.client(leaver, 'east'),
    });
    this.#operator = new Operator(operates, cluster.config, this.#history, report, leavers);
    this.#audiences = ['east', 'west'].map((dataCenter) => {
      const process = this.#outsider(`people of ${dataCenter}`);
      const client = cluster.client(process, dataCenter);
      return new SimulatedAudience({ process, client, users, items, everyMs: 2_000 });
    });
    this.#import();
    this.#faults = new Faults(cluster, this.#operator, this.schedule);
  }

  static async run(options: SimulationOptions): Promise<SimulationReport> {
    const failed = (...of: [name: string, code: string, message: string, version?: number]): void =>
      simulation.#failed(...of);
    const random = new SeededRandom(options.seed, 0x7090);
    const logOf = watchedLogs((check, text) => simulation.#violations.report(check, text));
    const schedule = options.schedule ?? scheduleOfSeed(options);
    const cluster = await SimulatedCluster.make({
      logOf,
      ...options,
      changes: schedule.some(changesConfig),
      hosts: random.pick(topologies),
      config: configOf(random),
      onFailed: failed,
      onStarted: (actor, host) => simulation.#started(actor, host),
    });
    const simulation: Simulation = new Simulation({ ...options, schedule }, cluster);
    return simulation.#run();
  }

  async #run(): Promise<SimulationReport> {
    const stray = (error: unknown): void =>
      this.#violations.report('no stray error', `nobody has caught: ${String(error)}`);
    process.on('unhandledRejection', stray);
    try {
      for (const host of this.#cluster.hosts) host.start();
      for (const { fromMs, calmFromMs, endMs } of phasesOf(this.#times)) {
        for (let atMs = fromMs; atMs < calmFromMs; atMs += lookMs) {
          if (atMs % weighEveryMs < lookMs) this.#operator.weigh(this.#weights());
          await this.#pass(Math.min(lookMs, calmFromMs - atMs));
          if (this.#violations.first) return this.#report();
        }
        this.#calmSinceMs = calmFromMs;
        await this.#beQuiet(endMs);
        this.#calmSinceMs = Infinity;
        if (this.#violations.first) return this.#report();
      }
      return this.#report();
    } finally {
      process.off('unhandledRejection', stray);
    }
  }

  /** Sometimes those of the configuration, and sometimes the same again. */
  #weights(): Readonly<Record<string, number>> | undefined {
    const { outcomes } = this.#cluster.config;
    const names = Object.keys(outcomes);
    const weight = this.#chance.pick([undefined, 1, 5]);
    return weight === undefined ? undefined : { [names.at(-1) ?? 'click']: weight };
  }

  async #pass(ms: number): Promise<void> {
    const { time } = this.#cluster;
    const before = time.happened;
    await time.pass(ms, () => {
      if (time.happened - before > eventsPerLookMax)
        this.#violations.report('no storm', `${eventsPerLookMax} things happen within ${ms} ms`);
      return this.#violations.first !== undefined;
    });
    checkRequests(this.#audiences, this.#violations.report);
  }

  /** The storm is over: before the time is, all must be well. */
  async #beQuiet(endMs: number): Promise<void> {
    const { time } = this.#cluster;
    const watcher = this.#outsider('watcher');
    const bus = this.#cluster.connect(watcher, 'train');
    let wrong: string | undefined | null = null;
    const check = new QuietCheck(
      bus,
      () => this.#status(),
      async () =>
        (await wrongVersions(bus, this.#cluster.hosts, this.#history)) ??
        (await wrongSettings(bus, this.#status(), this.#operator.settingsVersion)) ??
        (await this.#activity.wrong(bus)) ??
        (await this.#rows.wrong(bus, this.#status())) ??
        this.#wrongOfLeavers(),
    );
    void check.wrongAfter(endMs - time.nowMs - lookMs).then((found) => (wrong = found));
    while (wrong === null && time.nowMs < endMs && !this.#violations.first)
      await this.#pass(lookMs);
    if (wrong !== undefined)
      this.#violations.report('all is well in the end', wrong ?? 'the last look does not end');
    else await this.#beAnswered(endMs);
    await this.#pass(Math.max(0, endMs - time.nowMs));
    this.#checkTold();
    this.#checkScaled();
    this.#fates.look(this.#cluster.hosts);
    watcher.kill();
  }

  async #wrongOfLeavers(): Promise<string | undefined> {
    const { leavers } = this.#operator;
    return leavers.late() ?? leavers.wrong();
  }

  /** All is well: whoever asks from now on has an answer, and a whole one. */
  async #beAnswered(endMs: number): Promise<void> {
    const { time } = this.#cluster;
    // What was asked before may have met what was wrong then.
    const fromMs = Math.max(time.nowMs + settleMs, this.#calmSinceMs + haltMs);
    await this.#pass(Math.max(0, Math.min(fromMs, endMs) - time.nowMs));
    const calmMs = time.nowMs;
    this.#features.isCalm = true;
    this.#checkSnapshot(endMs);
    while (time.nowMs < endMs && !this.#violations.first) {
      for (const audience of this.#audiences)
        if (time.nowMs + changeMs < endMs) void audience.change();
      await this.#pass(Math.min(changeEveryMs, endMs - time.nowMs));
    }
    this.#features.isCalm = false;
    for (const audience of this.#audiences)
      for (const trouble of audience.troublesSince(calmMs))
        this.#violations.report('answered when it is calm', trouble);
  }

  /** Whatever was acknowledged is in a log. */
  #checkTold(): void {
    const { servers, names } = this.#cluster;
    const kept = new Set<string>();
    for (const { name } of this.#cluster.config.dataCenters)
      for (const bytes of servers.stream(names.stream.raw(name)).bodies('event'))
        for (const event of decode(bytes) as Told[]) kept.add(toldKey(event));
    for (const { told } of this.#audiences)
      for (const event of told)
        if (!kept.has(event))
          this.#violations.report('nothing is lost', `${event} was acknowledged, and is nowhere`);
  }

  /** One can be taken now. */
  #checkSnapshot(endMs: number): void {
    const { time } = this.#cluster;
    const told = (text: string): void => this.#violations.report('a snapshot can be taken', text);
    let outcome: string | undefined;
    const ask = (): void =>
      void this.#operator.snapshot().then((what) => {
        // Another one is under way, which somebody asked for before; or who leads is found out just now.
        if (what === 'OVERLOADED' || what === 'NO_RESPONDERS') return void time.after(againMs, ask);
        outcome = what;
        if (what !== 'done') told(`it is refused with ${what}`);
      });
    ask();
    time.at(Math.min(time.nowMs + snapshotMsMax, endMs), undefined, () => {
      if (outcome === undefined && time.nowMs < endMs) told(`it takes ${snapshotMsMax} ms`);
    });
  }

  /** What the cluster has said it did stays done. */
  #checkScaled(): void {
    const { shards, joiners } = this.#operator;
    for (const [kind, wanted] of Object.entries({ 'ps-shard': shards, joiner: joiners })) {
      const actors = this.#status()?.actors.filter((actor) => actor.kind === kind) ?? [];
      if (wanted === undefined || actors.length === wanted) continue;
      const text = `${wanted} of ${kind} were asked for, and the cluster said that it was done; there are ${actors.length}`;
      this.#violations.report('what was done stays', text);
    }
  }

  #status(): ClusterStatus | undefined {
    const members = this.#cluster.hosts.flatMap(({ member }) => member ?? []);
    return (members.find((member) => member.leads()) ?? members[0])?.view.status();
  }

  #refused(subject: string, code: string): void {
    const { servers, names } = this.#cluster;
    servers.refused(code);
    if (code === 'INTERNAL' || code === 'BAD_MESSAGE')
      this.#violations.report('no defect', `${subject} is answered ${code}`);
    // It takes no requests before it has a network, and never loses one.
    if (code === 'NOT_READY' && (names.isOf('rank', subject) || names.isOf('rankAt', subject)))
      this.#violations.report('ready is ready', `${subject} is answered ${code}`);
  }

  /** When it is calm, whoever takes over an actor waits until it has ended where it was. */
  #started(actor: SimulatedActor, host: SimulatedHost): void {
    this.#fates.started(actor, host);
    actor.onReady = (stats) => this.#ready(actor, stats);
    const { address } = actor;
    if (this.#cluster.time.nowMs < this.#calmSinceMs + haltMs) return;
    const lives = this.#cluster.hosts.filter(({ actors }) =>
      actors.some((each) => each.address === address),
    );
    const text = `${address} is started while it runs: on ${lives.map(({ name }) => name).join(' and ')}`;
    if (lives.length > 1) this.#violations.report('one process of an actor', text);
  }

  /** Whoever is ready has what it needs: a ranker is sent requests from then on. */
  #ready({ address }: SimulatedActor, { denseVersion, denseWaiting }: RankerStats): void {
    if (!address.includes('.ranker.') || Number(denseVersion) + Number(denseWaiting) > 0) return;
    this.#violations.report('ready is ready', `${address} is ready, and has no network`);
  }

  #failed(name: string, code: string, message: string, version = Infinity): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
    // Its host stood still while another configuration rolled out: it ends, and is started anew with that.
    const isOverdue = code === 'SPEC_MISMATCH' && version < this.#history.newestVersion;
    if (!excusable.has(code) && !isOverdue)
      this.#violations.report('no defect', `${name}: ${code}: ${message}`);
  }

  /** Months that somebody else has kept come in, all the time. */
  #import(): void {
    const { config } = this.#cluster;
    const process = this.#outsider('importer');
    const bus = this.#cluster.connect(process, 'east');
    new SimulatedImporter({ process, bus, config, users, items, everyMs: 3_000 });
  }

  #outsider(name: string) {
    return this.#cluster.outsider(name, (error) =>
      this.#violations.report('no stray error', `${name}: ${String(error)}`),
    );
  }

  #windows(): Counts {
    const counts = new Map<string, number>();
    for (const { disk } of this.#cluster.hosts)
      for (const [beginning, times] of disk.beginnings)
        counts.set(beginning, (counts.get(beginning) ?? 0) + times);
    return Object.fromEntries(counts);
  }

  #report(): SimulationReport {
    const { time, servers } = this.#cluster;
    const refusals = new Map<string, number>();
    const count = (code: string, times = 1): void =>
      void refusals.set(code, (refusals.get(code) ?? 0) + times);
    for (const audience of this.#audiences)
      for (const [code, times] of audience.refusals) count(code, times);
    const sum = (of: (audience: SimulatedAudience) => number): number =>
      this.#audiences.reduce((total, audience) => total + of(audience), 0);
    return {
      seed: this.#options.seed,
      violation: this.#violations.first,
      schedule: this.schedule,
      virtualMs: time.nowMs,
      events: time.happened,
      digest: servers.trace.digest(),
      faults: Object.fromEntries(this.#faults.counts),
      answered: sum(({ answered }) => answered),
      degraded: sum(({ degraded }) => degraded),
      refusals: Object.fromEntries(refusals),
      codes: Object.fromEntries(servers.codes),
      operations: Object.fromEntries(this.#operator.done),
      changes: Object.fromEntries(this.#operator.configs.done),
      erasures: Object.fromEntries(this.#operator.leavers.done),
      ways: Object.fromEntries(this.#outcomes.ways),
      windows: this.#windows(),
      transitions: coverage.take(),
      failures: Object.fromEntries(this.#failures),
      newest: servers.trace.newest,
    };
  }
}
