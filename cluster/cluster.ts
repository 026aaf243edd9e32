import { mkdir } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { assert } from '../core/base/assert.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import { configOfPlaced } from '../core/config/model-config.js';
import { trainingDataCenter } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import { hostNameOf, isHostName } from '../messages/host-name.js';
import type { Role } from '../messages/roles.js';
import type { NatsAccess } from '../messages/nats-access.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { connectAs } from '../runtime/nats/nats-bus.js';
import { processMs } from '../runtime/os/process-times.js';
import { retried } from '../runtime/retry-read.js';
import { builtUp, type UndoStack } from '../runtime/undo-stack.js';
import { ClusterStreams } from '../site/cluster-streams.js';
import { StorageFigures } from '../site/storage-figures.js';
import type { NatsSite, OpenSite } from '../site/nats-site.js';
import { remedyElsewhere, riskOf } from '../site/servers/server-age.js';
import { StorageGuard } from '../site/storage-guard.js';
import { ActorLauncher } from '../supervisor/actor-launcher.js';
import { Adoption } from '../supervisor/adoption/adoption.js';
import { FileEpochStore } from '../supervisor/epochs.js';
import { PreparedProcesses } from '../supervisor/prepared-processes.js';
import { joinCluster, type HostOffer } from './hosts/cluster-host.js';
import type { OwnProfiler } from './hosts/profile-endpoint.js';
import { keepConfigFile, refuseImpossible } from './config/config-file.js';
import { RunningConfigs } from './config/running-configs.js';
import { hasLiveHosts } from './config/live-hosts.js';
import { configToStart, firstConfig } from './config/start-config.js';
import { describeCluster } from './describe-cluster.js';
import { admitPeople, type Admission } from './people.js';
import { placeActors } from './placement/actor-placement.js';
import { processOf } from './placement/actor-processes.js';
import { openStateFolder } from './state-folder.js';
import { requireSameName } from './state-name.js';

export interface ClusterOptions {
  readonly config: ClusterConfig;
  readonly stateDir: string;
  /** Starts the servers, or knows those that somebody else runs. */
  readonly openSite: OpenSite;
  /** Names of what may be forgotten where the configuration is another than that of the state. */
  readonly allowed?: readonly string[];
  /** What is left out: its host name, all data centers, and as many actors as its cores take. */
  readonly host?: Partial<HostOffer>;
  /** Whose events it is to learn from, where the one who starts it says so. */
  readonly people?: Admission | undefined;
  readonly log?: (line: string) => void;
}

export interface RunningCluster {
  readonly config: ClusterConfig;
  readonly stateDir: string;
  /** Connected to the training data center. */
  readonly bus: NatsBus;
  /** How somebody in `role` reaches the servers: that of his data center first, the others for when it is gone. */
  readonly access: (dataCenter: string, role: Role) => NatsAccess;
  status(): ClusterStatus;
  /** From an actor's exit until it was ready again, milliseconds, since the start. */
  recoveriesMs(): readonly number[];
  /** @throws StarlingError TIMEOUT naming the actors that are late. */
  untilReady(timeoutMs: number): Promise<void>;
  onEvent(listener: (event: SupervisionEvent) => void): () => void;
  /** Drains the actors, then ends the servers. */
  stop(): Promise<void>;
}

/** So that a host is full before its processor is thrashed beyond use, and balance follows the size of hosts. */
const actorsPerCore = 32;

const ownProfiler: OwnProfiler = {
  pid: process.pid,
  self: async (seconds) =>
    (await import('../runtime/os/profile-process.js')).profileProcess(seconds),
  processMs,
};
/** Too low: a process is let go that would have been asked for, and started again. Too high: one for nothing is kept so long. */
const preparedMsMax = 30_000;

const entry = fileURLToPath(new URL('../actors/main.js', import.meta.url));

/**
 * This machine as one host of a cluster, maybe the only one: state folder, NATS servers unless somebody else runs them,
 * streams, and every actor placed here, in processes. What it has taken it gives back in reverse order, when
 * it stops and when a step of the start fails.
 */
export function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const log = options.log ?? (() => undefined);
  const told = (error: unknown): void =>
    log(`while stopping: ${codeOf(error)}: ${messageOf(error)}`);
  return builtUp(async (undo) => {
    const cluster = await start(options, undo, log);
    return { ...cluster, stop: async () => (await undo.unwind()).forEach(told) };
  }, told);
}

async function start(
  options: ClusterOptions,
  undo: UndoStack,
  log: (line: string) => void,
): Promise<Omit<RunningCluster, 'stop'>> {
  const startedAtMs = Date.now();
  const folder = await openStateFolder(options.stateDir);
  undo.defer(() => folder.release());
  const { folder: stateDir } = folder;
  await requireSameName(stateDir, options.config.name);
  await refuseImpossible(stateDir, options.config);
  await mkdir(path.join(stateDir, 'logs'), { recursive: true, mode: 0o700 });
  const { drainMs } = options.config.supervision;
  // First of all: actors that outlived an earlier supervisor look for this one, and not for long.
  const adoption = await Adoption.open({ stateDir, drainMs, log });
  undo.defer(() => adoption.close());

  const { prepared, whileStarting } = preparedFor(options, stateDir, adoption);
  undo.defer(() => prepared.dismiss());
  const { config: given } = options;
  const site = undo.use(await options.openSite({ config: given, stateDir, log, whileStarting }));
  const host = offerOf(options.host, site.config);
  const home = homeOf(host.dataCenters, site.config);
  const bus = await connectAs(site.access(home, 'supervisor'), { name: `host ${host.name}` });
  undo.defer(() => bus.close());
  if (!site.owned) tellRisk(bus.serverVersion, log);
  const { config, configs, streams } = await settle(options, { site, bus, stateDir, undo, log });
  if (options.people) await admitPeople(options.people, bus, config);

  const { access } = site;
  const member = undo.use(
    await joinCluster({
      config,
      bus,
      host,
      configs,
      launcher: new ActorLauncher({
        ...{ entry, stateDir, natsOf: access, adoption, prepared },
        configIn: (dataCenter, model) => configOfPlaced(configs.configIn(dataCenter), model),
        processOf: (spec) => processOf(configs.configIn(spec.dataCenter), spec),
      }),
      epochs: await FileEpochStore.open(stateDir),
      noteLife: (life) => folder.noteLife(life),
      servers: () => site.servers(),
      storage: new StorageFigures({ bus, config, site }),
      asPublic: (dataCenter) =>
        connectAs(access(dataCenter, 'client'), { name: `probe of host ${host.name}` }),
      prepareStreams: () => streams.prepare(),
      profiler: ownProfiler,
      onExit: (run) => {
        process.on('exit', run);
        return () => process.off('exit', run);
      },
      log,
    }),
  );
  undo.defer(bus.clock.after(preparedMsMax, () => prepared.dismiss()));
  const describe = (): Promise<void> =>
    folder.writeClusterFile({ ...describeCluster(config, site), startedAtMs });
  await describeFor(site, describe, log);
  const { view, events } = member;
  return {
    config,
    stateDir,
    bus,
    access,
    status: () => view.status(),
    recoveriesMs: () => events.recoveriesMs,
    untilReady: (timeoutMs) => view.untilReady(timeoutMs),
    onEvent: (listener) => events.onEvent(listener),
  };
}

/** Writes down what others find the cluster by, now and whenever a server is another process. */
async function describeFor(
  site: NatsSite,
  describe: () => Promise<void>,
  log: (line: string) => void,
): Promise<void> {
  await describe();
  site.onRestart(() => {
    // A stale file only hides a server's new process id; it is no reason to stop.
    describe().catch((error: unknown) =>
      log(`cluster file not written: ${codeOf(error)}: ${messageOf(error)}`),
    );
  });
}

/** The processes of the actors that were configured, started as soon as the servers are. */
function preparedFor(
  { config, host }: ClusterOptions,
  stateDir: string,
  adoption: Adoption,
): { readonly prepared: PreparedProcesses; readonly whileStarting: () => void } {
  const nameOf = (spec: ActorSpec): string => processOf(config, spec);
  const prepared = new PreparedProcesses({ entry, stateDir, processOf: nameOf });
  const whileStarting = (): void => {
    // Those that were left are taken over, if they can be: who begins, and where, is seen then.
    if (adoption.hasUnclaimed) return;
    const { dataCenters } = offerOf(host, config);
    const here = placeActors(config).filter(({ dataCenter }) => dataCenters.includes(dataCenter));
    prepared.start(here);
  };
  return { prepared, whileStarting };
}

interface Settled {
  readonly config: ClusterConfig;
  /** Of the actors, by data center. */
  readonly configs: RunningConfigs;
  readonly streams: ClusterStreams;
}

/** The configuration that the cluster runs from now on, which need not be that of the file, and its streams. */
async function settle(
  { config: given, allowed = [] }: ClusterOptions,
  { site, bus, stateDir, undo, log }: Omit<StreamParts, 'config'>,
): Promise<Settled> {
  const { hostLeaseMs } = given.supervision;
  const runsElsewhere = (): Promise<boolean> =>
    site.owned ? Promise.resolve(false) : hasLiveHosts(bus, hostLeaseMs);
  const hasBucket = (): Promise<boolean> => bus.hasStream(`KV_${bus.names.bucket}`);
  const ports = { bus, hasBucket, allowed, runsElsewhere, log };
  const stored = await retried(bus, () => configToStart(given, ports));
  const there = (config: ClusterConfig): ClusterConfig => ({
    ...config,
    // With as many servers as there are.
    dataCenters: site.config.dataCenters,
  });
  const parts = { site, bus, stateDir, undo, log };
  const streams = await openStreams({ ...parts, config: there(stored?.config ?? given) });
  const started = stored ?? (await firstConfig(bus, given));
  const configs = undo.use(await RunningConfigs.open({ bus, started, here: there, log }));
  await keepConfigFile(stateDir, { bus, configs, log });
  return { config: there(started.config), configs, streams };
}

interface StreamParts {
  readonly site: NatsSite;
  readonly config: ClusterConfig;
  readonly bus: NatsBus;
  readonly stateDir: string;
  readonly undo: UndoStack;
  readonly log: (line: string) => void;
}

/** On a disk of ours they take events only while there is room, from the first one on. */
async function openStreams({
  site,
  config,
  bus,
  stateDir,
  undo,
  log,
}: StreamParts): Promise<ClusterStreams> {
  const { placed, mapped } = site;
  if (!site.owned) {
    const streams = new ClusterStreams({ bus, config, placed, mapped });
    await streams.require();
    return streams;
  }
  const { freeBytesMin } = config.nats;
  const setIngest = (open: boolean): Promise<void> => streams.setIngest(open);
  const guard = undo.use(new StorageGuard({ folder: stateDir, freeBytesMin, setIngest, log }));
  const acceptsEvents = (): boolean => guard.accepts;
  const streams = new ClusterStreams({ bus, config, placed, mapped, acceptsEvents });
  await guard.measure();
  await streams.require();
  await guard.start();
  return streams;
}

function offerOf(host: Partial<HostOffer> = {}, config: ClusterConfig): HostOffer {
  const offer = {
    name: hostNameOf(hostname()),
    dataCenters: config.dataCenters.map(({ name }) => name),
    capacity: actorsPerCore * availableParallelism(),
    ...host,
  };
  assert(isHostName(offer.name), `"${offer.name}" can stand in subjects and keys`);
  return offer;
}

/** Where the bucket is, if it may; it is what a supervisor talks to most. */
function homeOf(dataCenters: readonly string[], config: ClusterConfig): string {
  const training = trainingDataCenter(config);
  return dataCenters.includes(training) ? training : (dataCenters[0] ?? training);
}

/** Of a server that somebody else runs. */
function tellRisk(version: string, log: (line: string) => void): void {
  const risk = riskOf(version);
  if (risk !== undefined) log(`nats-server ${version} ${risk}. ${remedyElsewhere}`);
}
