import { every } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { statusReply, type DataCenterStorage } from '../../messages/cluster-status.js';
import type { HostRecord, HostedServer } from '../../messages/hosts.js';
import { publicExamples } from '../../messages/public.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { policyOf } from '../../runtime/restart-policy.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { builtUp, type UndoStack } from '../../runtime/undo-stack.js';
import type { Launcher } from '../../supervisor/actor-launcher.js';
import { HostSupervisor, type Escalation } from '../../supervisor/host-supervisor.js';
import type { RunningConfigs } from '../config/running-configs.js';
import { AlarmStore } from '../alarms/alarm-store.js';
import { DrainStore } from '../drains/drain-store.js';
import type { BookTimes } from '../books/books-keeper.js';
import { takeUpDuties } from '../leadership/duties.js';
import { LeaderCandidate } from '../leadership/leader-candidate.js';
import { specsOf } from '../placement/actor-placement.js';
import { PlacementStore } from '../placement/placement-store.js';
import { SupervisionLog } from '../supervision-log.js';
import { ClusterView } from './cluster-view.js';
import { HostAgent } from './host-agent.js';
import { HostLease } from './host-lease.js';
import { HostRegistry } from './host-registry.js';
import { serveProfile, type OwnProfiler } from './profile-endpoint.js';
import { PublicProbe } from './public-probe.js';
import { SharedEpochStore, type LocalEpochs } from './shared-epochs.js';
import type { SharedState } from './shared-state.js';

/** What this machine brings into the cluster. */
export type HostOffer = Pick<HostRecord, 'name' | 'dataCenters' | 'capacity'>;

export interface HostParts {
  readonly config: ClusterConfig;
  /** Connected as supervisor. */
  readonly bus: Bus & { readonly serverVersion: string };
  readonly host: HostOffer;
  readonly launcher: Launcher;
  /** Left out: all run `config`, for good. */
  readonly configs?: RunningConfigs;
  /** Of this host alone, for when the bucket is away. */
  readonly epochs: LocalEpochs;
  /** Returns the life of this host before; its key may be taken over at once. */
  readonly noteLife: (life: string) => Promise<string | undefined>;
  readonly servers: () => readonly HostedServer[];
  readonly storage: StorageWatch;
  /** A connection as a client of that data center. */
  readonly asPublic: (dataCenter: string) => Promise<Bus>;
  /** Brings the streams up to what the configuration says; for the one that leads. */
  readonly prepareStreams: () => Promise<void>;
  /** How the leader keeps the books, if not as usual. */
  readonly bookTimes?: BookTimes;
  /** Calls `run` when this process leaves in a hurry, until what is returned is called. */
  readonly onExit: (run: () => void) => () => void;
  /** Left out: nobody can ask what its processes do. */
  readonly profiler?: OwnProfiler;
  readonly log: (line: string) => void;
}

/** What is known of the storage of each data center. */
export interface StorageWatch {
  /** Has it found out anew where what is known is old, and waits so long for that at most. */
  fresh(waitMsMax: number): Promise<void>;
  /** Undefined while nobody knows. */
  at(dataCenter: string): DataCenterStorage | undefined;
  /** What was to be stored now, where all hosts write, and the error where it was not. */
  noteWrite(error?: unknown): void;
}

export interface ClusterHost extends Stoppable {
  readonly view: ClusterView;
  readonly events: SupervisionLog;
  /** Whether this host leads the cluster now. */
  leads(): boolean;
}

/**
 * This machine as a part of the cluster: it runs the actors placed on it, tells of them, answers for the status of the
 * whole, and stands ready to lead. What it has taken it gives back in reverse order, when it stops and when a step of
 * the start fails.
 */
export function joinCluster(parts: HostParts): Promise<ClusterHost> {
  const told = (error: unknown): void =>
    parts.log(`while stopping: ${codeOf(error)}: ${messageOf(error)}`);
  return builtUp(async (undo) => {
    const record = { ...parts.host, life: parts.bus.random.id(), left: false };
    const shared = await openShared(parts, record, undo);
    const member = new Member(parts, record, shared);
    await member.start(undo);
    return {
      view: member.view,
      events: shared.events,
      leads: () => member.leads,
      stop: async () => (await undo.unwind()).forEach(told),
    };
  }, told);
}

async function openShared(
  { bus, config, noteLife, storage, log }: HostParts,
  record: HostRecord,
  undo: UndoStack,
): Promise<SharedState> {
  const { hostLeaseMs: leaseMs, calmMs } = config.supervision;
  const events = undo.use(new SupervisionLog(bus, record.name, log));
  const placement = undo.use(await PlacementStore.open(bus));
  const drains = undo.use(await DrainStore.open(bus));
  const alarms = undo.use(await AlarmStore.open(bus));
  const lifeBefore = await noteLife(record.life);
  // Given back after the actors have ended, so that nobody starts them elsewhere while they finish.
  const onWrite = (error?: unknown): void => storage.noteWrite(error);
  undo.use(await HostLease.take({ bus, record, lifeBefore, leaseMs, onWrite, log }));
  const registry = undo.use(await HostRegistry.open({ bus, leaseMs, calmMs }));
  return { events, placement, drains, alarms, registry };
}

/** Too low: load for nothing. Too high: a host that falls silent is shown so much later. */
const watchMs = 1_000;

/** Too low: a status may say what was known before. Too high: it is late while a data center does not answer. */
const storageMsMax = 300;

/** The parts of a host that hear of each other. */
class Member {
  readonly #parts: HostParts;
  readonly #record: HostRecord;
  readonly #shared: SharedState;
  readonly #supervisor: HostSupervisor;
  readonly #probe: PublicProbe;
  readonly #agent: HostAgent;
  readonly #candidate: LeaderCandidate;
  readonly view: ClusterView;

  constructor(parts: HostParts, record: HostRecord, shared: SharedState) {
    this.#parts = parts;
    this.#record = record;
    this.#shared = shared;
    this.#supervisor = this.#makeSupervisor();
    this.#probe = this.#makeProbe();
    this.view = this.#makeView();
    this.#agent = this.#makeAgent();
    this.#candidate = this.#makeCandidate();
  }

  get leads(): boolean {
    return this.#candidate.leads;
  }

  async start(undo: UndoStack): Promise<void> {
    const { bus, config } = this.#parts;
    const { placement, drains } = this.#shared;
    // Nobody is left to look after them when this process leaves in a hurry.
    const killAll = (): void => this.#supervisor.killAll();
    undo.defer(this.#parts.onExit(killAll));
    undo.defer(() => this.#supervisor.stopAll(config.supervision.drainMs));
    undo.use(this.#probe);
    undo.use(this.view);
    const serve = (dataCenter: string, { drained }: { readonly drained: boolean }): void =>
      this.#supervisor.setServing(dataCenter, !drained);
    for (const [dataCenter, entry] of drains.entries) serve(dataCenter, entry);
    drains.onChange(serve);
    undo.use(this.#agent);
    placement.onChange(() => this.view.changed());
    this.view.onHeard(() => this.#agent.heard());
    // A host that falls silent is no news by itself.
    const watching = every(bus.clock, watchMs, () => {
      this.view.changed();
      this.#agent.heard();
    });
    undo.defer(watching);
    undo.use(this.#serveStatus());
    const { profiler } = this.#parts;
    if (profiler) undo.use(this.#serveProfile(profiler));
    this.#agent.start();
    undo.use(this.#candidate);
    await this.#candidate.start();
  }

  #makeSupervisor(): HostSupervisor {
    const { bus, config, launcher, epochs, log } = this.#parts;
    const { strategy, groupRestartsMax: restartsMax } = config.supervision;
    const training = `${trainingDataCenter(config)}.`;
    return new HostSupervisor({
      ...{ clock: bus.clock, random: bus.random },
      launcher,
      host: this.#record.name,
      epochs: new SharedEpochStore(bus, epochs, (address) => !address.startsWith(training)),
      record: this.#shared.events.record,
      policy: policyOf(config.supervision),
      group: { strategy, restartsMax },
      onChange: () => {
        this.#agent.changed();
        this.view.changed();
      },
      onEscalate: (escalation) => log(escalationLine(escalation)),
    });
  }

  #makeProbe(): PublicProbe {
    const { bus, config, asPublic, log } = this.#parts;
    return new PublicProbe({
      dataCenters: config.dataCenters.map(({ name }) => name),
      connect: asPublic,
      onAnswered: () => this.view.changed(),
      clock: bus.clock,
      log,
    });
  }

  #makeView(): ClusterView {
    const { bus, config, storage } = this.#parts;
    const { placement, drains, alarms, events } = this.#shared;
    return new ClusterView({
      bus,
      config,
      host: this.#record.name,
      own: () => this.#agent.status(),
      leader: () => this.#candidate.leader,
      placement: () => placement.record,
      ...{ drains, alarms },
      events,
      natsVersion: bus.serverVersion,
      probe: this.#probe,
      storage,
      silenceMsMax: config.supervision.hostLeaseMs,
    });
  }

  #makeAgent(): HostAgent {
    const { bus, config, configs, servers, log } = this.#parts;
    return new HostAgent({
      ...{ bus, configs },
      record: this.#record,
      supervisor: this.#supervisor,
      placement: this.#shared.placement,
      specsOf: (placement) => specsOf(config, placement),
      natsServers: servers,
      runsElsewhere: (address) => this.view.runsElsewhere(address),
      log,
    });
  }

  #makeCandidate(): LeaderCandidate {
    const { bus, config, configs, prepareStreams, bookTimes, log } = this.#parts;
    const { name: host, life, dataCenters } = this.#record;
    const { hostLeaseMs: leaseMs } = config.supervision;
    const candidate: LeaderCandidate = new LeaderCandidate({
      bus,
      host,
      life,
      leaseMs,
      // Where the bucket is, with the actors that need a leader most.
      patienceMs: dataCenters.includes(trainingDataCenter(config)) ? 0 : leaseMs / 2,
      lead: (term) =>
        takeUpDuties({
          ...{ bus, config, configs, host, term, view: this.view, shared: this.#shared },
          ...{ prepareStreams, bookTimes, log },
          confirm: () => candidate.confirm(term),
        }),
      log,
    });
    return candidate;
  }

  #serveProfile(profiler: OwnProfiler): ServedEndpoint {
    const { bus, servers } = this.#parts;
    return serveProfile({
      ...{ bus, profiler, servers },
      host: this.#record.name,
      actors: (seconds) => this.#supervisor.profile(seconds),
    });
  }

  #serveStatus(): ServedEndpoint {
    const { bus, storage } = this.#parts;
    return new ServedEndpoint(bus, {
      subject: bus.names.subject.status,
      example: publicExamples.status,
      queue: 'status',
      inFlightMax: 32,
      deadlineMs: 5_000,
      handle: async () => {
        await storage.fresh(storageMsMax);
        return statusReply(this.view.status());
      },
    });
  }
}

function escalationLine(escalation: Escalation): string {
  const { scope, failure } = escalation;
  const failed = scope === 'child' ? escalation.status.address : escalation.dataCenter;
  return `${failed} failed for good: ${failure.message}; it is tried again later`;
}
