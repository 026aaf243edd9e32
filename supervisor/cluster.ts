import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterStatus } from '../client/cluster-status.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import { onOneHost, trainingDataCenter } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { protocolVersion } from '../messages/codec.js';
import { subject } from '../messages/subjects.js';
import type { Role } from '../messages/roles.js';
import type { ActorStatus, NatsAccess, SupervisionEvent } from '../messages/supervision.js';
import type { NatsBus } from '../runtime/nats.js';
import { connectAs } from '../runtime/nats.js';
import { ServedEndpoint } from '../runtime/serve.js';
import { prepareStreams, setIngest } from './cluster-streams.js';
import { FileEpochStore } from './epochs.js';
import { HostSupervisor } from './host-supervisor.js';
import type { NatsSite } from './nats-site.js';
import { externalSite, ownSite } from './nats-site.js';
import { PartitionServices } from './partition-services.js';
import { placeActors } from './placement.js';
import { openStateFolder } from './state-folder.js';
import { StorageGuard } from './storage-guard.js';
import { SupervisionLog } from './supervision-log.js';

export interface ClusterOptions {
  readonly config: ClusterConfig;
  readonly stateDir: string;
  /** Servers that run already; without it, one for each data center is started here. */
  readonly natsUrl?: string;
  readonly log?: (line: string) => void;
}

export interface RunningCluster {
  readonly config: ClusterConfig;
  readonly stateDir: string;
  /** Connected to the training data center. */
  readonly bus: NatsBus;
  /** How somebody in `role` reaches the servers of a data center. */
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

const actorEntry = fileURLToPath(new URL('../actors/main.js', import.meta.url));

/**
 * All of a cluster on this host: state folder, NATS servers, streams, and every actor in a process of its own. What it
 * has taken it gives back in reverse order, when it stops and when a step of the start fails.
 */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const undo: (() => Promise<void>)[] = [];
  const unwind = async (): Promise<void> => {
    for (let step = undo.pop(); step; step = undo.pop()) {
      await step().catch((error: unknown) =>
        options.log?.(`while stopping: ${codeOf(error)}: ${messageOf(error)}`),
      );
    }
  };
  try {
    return await start(options, undo, unwind);
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function start(
  options: ClusterOptions,
  undo: (() => Promise<void>)[],
  unwind: () => Promise<void>,
): Promise<RunningCluster> {
  const config = options.natsUrl === undefined ? onOneHost(options.config) : options.config;
  const log = options.log ?? (() => undefined);
  const startedAtMs = Date.now();
  const folder = await openStateFolder(options.stateDir);
  undo.push(() => folder.release());
  const stateDir = folder.folder;
  await mkdir(path.join(stateDir, 'logs'), { recursive: true, mode: 0o700 });

  let onServerRestart = (): void => undefined;
  const site: NatsSite =
    options.natsUrl === undefined
      ? await ownSite({ config, stateDir, log, onRestart: () => onServerRestart() })
      : await externalSite(config, options.natsUrl);
  undo.push(() => site.stop());
  const training = trainingDataCenter(config);
  const bus = await connectAs(site.access(training, 'supervisor'), { name: 'supervisor' });
  undo.push(() => bus.close());
  await prepareStreams(bus, config, site.owned);

  if (site.owned) {
    const guard = new StorageGuard({
      folder: stateDir,
      freeBytesMin: config.nats.freeBytesMin,
      setIngest: (open) => setIngest(bus, config, { open, owned: site.owned }),
      log,
    });
    undo.push(() => guard.stop());
  }
  const events = new SupervisionLog(bus, log);
  undo.push(() => events.stop());
  const services = await PartitionServices.open({ bus, config, events, log });
  undo.push(() => services.stop());
  const host = new HostSupervisor({
    entry: actorEntry,
    stateDir,
    config,
    natsOf: site.access,
    epochs: await FileEpochStore.open(stateDir),
    record: events.record,
    policy: policyOf(config),
    onEscalate: ({ status, failure }) =>
      log(`${status.address} failed for good: ${failure.message}; it is tried again later`),
  });
  undo.push(() => host.stopAll(config.supervision.drainMs));
  host.start(
    placeActors({
      dataCenters: config.dataCenters,
      actors: services.counts,
      partitions: config.partitions,
    }),
  );
  await services.watch(host);
  // Before the actors go: what they leave behind then is not to be replaced.
  undo.push(() => services.unwatch());

  const status = (): ClusterStatus => {
    const actors = host.snapshot().map(withPartitions);
    const backend = actors.find((actor) => actor.kind === 'trainer')?.stats.backend;
    const states = new Map(host.dataCenters().map(({ name, state }) => [name, state]));
    return {
      name: config.name,
      leader: hostname(),
      startedAtMs,
      ready: actors.every((actor) => actor.state === 'ready'),
      dataCenters: config.dataCenters.map(({ name, role }) => ({
        name,
        role,
        state: states.get(name) ?? 'starting',
      })),
      natsServers: site.servers(),
      actors,
      events: events.recent,
      natsServer: { version: site.version },
      ...(typeof backend === 'string' && backend !== '' ? { backend } : {}),
    };
  };
  const endpoint = new ServedEndpoint(bus, {
    subject: subject.status,
    inFlightMax: 32,
    deadlineMs: 5_000,
    handle: async () => ({ v: protocolVersion, ...status() }),
  });
  undo.push(() => endpoint.stop());

  const { tls } = site.access(training, 'client');
  const describe = (): Promise<void> =>
    folder.writeClusterFile({
      name: config.name,
      startedAtMs,
      dataCenters: config.dataCenters.map(({ name, role }) => {
        const server = site.servers().find((each) => each.dataCenter === name);
        return {
          name,
          role,
          url: site.access(name, 'client').url[0]!,
          ...(server?.pid ? { serverPid: server.pid } : {}),
        };
      }),
      ...signInOf(site.access(training, 'client')),
      admin: signInOf(site.access(training, 'admin')),
      ...(tls ? { tls } : {}),
      configHash: createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16),
    });
  await describe();
  onServerRestart = () => {
    // A stale file only hides a server's new process id; it is no reason to stop.
    describe().catch((error: unknown) =>
      log(`cluster file not written: ${codeOf(error)}: ${messageOf(error)}`),
    );
  };

  return {
    config,
    stateDir,
    bus,
    access: site.access,
    status,
    recoveriesMs: () => events.recoveriesMs,
    untilReady: (timeoutMs) => host.waitUntilReady(timeoutMs),
    onEvent: (listener) => events.onEvent(listener),
    stop: unwind,
  };
}

/** Of a ps-shard the directory decides, and the shard tells. */
function withPartitions(actor: ActorStatus): ActorStatus {
  const { partitions } = actor.stats;
  return Array.isArray(partitions) ? { ...actor, partitions: partitions as number[] } : actor;
}

function signInOf({ user, password, inboxPrefix }: NatsAccess) {
  return { user, password, ...(inboxPrefix === undefined ? {} : { inboxPrefix }) };
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
