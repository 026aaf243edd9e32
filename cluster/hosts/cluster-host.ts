import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { statusReply } from '../../messages/cluster-status.js';
import type { HostRecord } from '../../messages/hosts.js';
import type { Stoppable } from '../../runtime/bus.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { Adoption } from '../../supervisor/adoption/adoption.js';
import { FileEpochStore } from '../../supervisor/epochs.js';
import { HostSupervisor } from '../../supervisor/host-supervisor.js';
import { takeUpDuties } from '../leadership/duties.js';
import { LeaderCandidate } from '../leadership/leader-candidate.js';
import type { NatsSite } from '../../site/nats-site.js';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import { SupervisionLog } from '../supervision-log.js';
import { ClusterView } from './cluster-view.js';
import { HostAgent } from './host-agent.js';
import { DrainStore } from '../drains/drain-store.js';
import { HostRegistry } from './host-registry.js';
import { HostLease } from './host-lease.js';
import { SharedEpochStore } from './shared-epochs.js';
import { PlacementStore } from '../placement/placement-store.js';

export interface ClusterHostOptions {
  readonly config: ClusterConfig;
  /** Of this host alone, and locked. */
  readonly stateDir: string;
  /** What an earlier supervisor left here. */
  readonly adoption: Adoption;
  readonly site: NatsSite;
  /** Connected as supervisor. */
  readonly bus: NatsBus;
  readonly name: string;
  readonly dataCenters: readonly string[];
  readonly capacity: number;
  /** Brings the streams up to what the configuration says; for the one that leads. */
  readonly prepareStreams: () => Promise<void>;
  readonly log: (line: string) => void;
}

export interface ClusterHost extends Stoppable {
  readonly view: ClusterView;
  readonly events: SupervisionLog;
  /** Whether this host leads the cluster now. */
  leads(): boolean;
}

const actorEntry = fileURLToPath(new URL('../../actors/main.js', import.meta.url));
const watchMs = 1_000;

/**
 * This machine as a part of the cluster: it runs the actors placed on it, tells of them, answers for the status of the
 * whole, and stands ready to lead. What it has taken it gives back in reverse order, when it stops and when a step of
 * the start fails.
 */
export async function joinCluster(options: ClusterHostOptions): Promise<ClusterHost> {
  const { log } = options;
  const undo: (() => Promise<void>)[] = [];
  const unwind = async (): Promise<void> => {
    for (let step = undo.pop(); step; step = undo.pop()) {
      await step().catch((error: unknown) =>
        log(`while stopping: ${codeOf(error)}: ${messageOf(error)}`),
      );
    }
  };
  try {
    return await join(options, undo, unwind);
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function join(
  options: ClusterHostOptions,
  undo: (() => Promise<void>)[],
  unwind: () => Promise<void>,
): Promise<ClusterHost> {
  const { config, bus, site, name, log } = options;
  const { hostLeaseMs } = config.supervision;
  const record = { name, ...recordOf(options) };
  const events = new SupervisionLog(bus, name, log);
  undo.push(() => events.stop());
  const placement = await PlacementStore.open(bus);
  undo.push(() => placement.stop());
  const drains = await DrainStore.open(bus);
  undo.push(() => drains.stop());
  const lease = await HostLease.take({
    bus,
    record,
    lifeBefore: await noteLife(options.stateDir, record.life),
    leaseMs: hostLeaseMs,
    log,
  });
  // After the actors, so that nobody starts them elsewhere while they finish.
  undo.push(() => lease.stop());
  const registry = await HostRegistry.open({
    bus,
    leaseMs: hostLeaseMs,
    calmMs: config.supervision.calmMs,
  });
  undo.push(() => registry.stop());
  let changed = (): void => undefined;
  const supervisor = await superviseHere(options, events, () => changed());
  // Nobody is left to look after them when this process leaves in a hurry.
  const killAll = (): void => supervisor.killAll();
  process.on('exit', killAll);
  undo.push(async () => void process.off('exit', killAll));
  undo.push(() => supervisor.stopAll(config.supervision.drainMs));
  const view: ClusterView = new ClusterView({
    bus,
    config,
    own: () => agent.status(),
    leader: () => candidate.leader,
    placement: () => placement.record,
    drains,
    events,
    natsVersion: bus.serverVersion,
    silenceMsMax: hostLeaseMs,
  });
  undo.push(() => view.stop());
  for (const [dataCenter, { drained }] of drains.entries)
    supervisor.setServing(dataCenter, !drained);
  drains.onChange((dataCenter, { drained }) => supervisor.setServing(dataCenter, !drained));
  const agent: HostAgent = new HostAgent({
    bus,
    config,
    record,
    supervisor,
    placement,
    natsServers: () => site.servers(),
    runsElsewhere: (address) => view.runsElsewhere(address),
    log,
  });
  undo.push(() => agent.stop());
  const candidate: LeaderCandidate = new LeaderCandidate({
    bus,
    host: name,
    life: record.life,
    leaseMs: hostLeaseMs,
    // Where the bucket is, with the actors that need a leader most.
    patienceMs: options.dataCenters.includes(trainingDataCenter(config)) ? 0 : hostLeaseMs / 2,
    lead: (term) =>
      takeUpDuties({
        bus,
        config,
        host: name,
        term,
        events,
        view,
        placement,
        drains,
        registry,
        prepareStreams: options.prepareStreams,
        log,
      }),
    log,
  });
  changed = () => {
    agent.changed();
    view.changed();
  };
  placement.onChange(() => view.changed());
  view.onHeard(() => agent.heard());
  // A host that falls silent is no news by itself.
  const timer = setInterval(() => {
    view.changed();
    agent.heard();
  }, watchMs);
  undo.push(async () => clearInterval(timer));
  const endpoint = new ServedEndpoint(bus, {
    subject: bus.names.subject.status,
    queue: 'status',
    inFlightMax: 32,
    deadlineMs: 5_000,
    handle: async () => statusReply(view.status()),
  });
  undo.push(() => endpoint.stop());
  agent.start();
  undo.push(() => candidate.stop());
  await candidate.start();
  return { view, events, leads: () => candidate.leads, stop: unwind };
}

function recordOf({ dataCenters, capacity }: ClusterHostOptions): Omit<HostRecord, 'name'> {
  return { life: randomUUID(), dataCenters, capacity, left: false };
}

/** Remembers this life; the key of the one before may be taken over at once. */
async function noteLife(stateDir: string, life: string): Promise<string | undefined> {
  const file = path.join(stateDir, 'host.json');
  const before = (await readJson(file)) as { readonly life?: string } | undefined;
  await writePrivateJson(file, { life });
  return before?.life;
}

async function superviseHere(
  { config, stateDir, site, bus, name, adoption, log }: ClusterHostOptions,
  events: SupervisionLog,
  changed: () => void,
): Promise<HostSupervisor> {
  const training = trainingDataCenter(config);
  const epochs = new SharedEpochStore(
    bus,
    await FileEpochStore.open(stateDir),
    (address) => !address.startsWith(`${training}.`),
  );
  return new HostSupervisor({
    entry: actorEntry,
    stateDir,
    config,
    host: name,
    natsOf: site.access,
    epochs,
    adoption,
    record: events.record,
    policy: policyOf(config),
    onChange: changed,
    group: {
      strategy: config.supervision.strategy,
      restartsMax: config.supervision.groupRestartsMax,
    },
    onEscalate: (escalation) => {
      const { scope, failure } = escalation;
      const failed = scope === 'child' ? escalation.status.address : escalation.dataCenter;
      log(`${failed} failed for good: ${failure.message}; it is tried again later`);
    },
  });
}

function policyOf(config: ClusterConfig) {
  const { suspectAfterMs, restartsMax, restartsWindowMs, backoffMs, drainMs } = config.supervision;
  return {
    heartbeatSilenceMs: suspectAfterMs,
    restartsMax,
    restartWindowMs: restartsWindowMs,
    backoffMsMin: backoffMs.base,
    backoffMsMax: backoffMs.max,
    drainMs,
  };
}
