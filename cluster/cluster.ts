import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import { trainingDataCenter, withServers } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { Role } from '../messages/roles.js';
import type { NatsAccess } from '../messages/nats-access.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { connectAs } from '../runtime/nats/nats-bus.js';
import { Adoption } from '../supervisor/adoption/adoption.js';
import { prepareStreams, requireStreams, setIngest } from '../site/cluster-streams.js';
import { joinCluster } from './hosts/cluster-host.js';
import type { NatsSite } from '../site/nats-site.js';
import { accessSite, externalSite, ownSite } from '../site/nats-site.js';
import { openStateFolder } from './state-folder.js';
import { remedyElsewhere, riskOf } from '../site/servers/server-age.js';
import { StorageGuard } from '../site/storage-guard.js';

export interface ClusterOptions {
  readonly config: ClusterConfig;
  readonly stateDir: string;
  /** Servers that run already; without it, one for each data center is started here. */
  readonly site?: ClusterSite;
  /** Of this machine in the cluster; its host name if left out. */
  readonly host?: string;
  /** Whose actors it may run; all if left out. */
  readonly dataCenters?: readonly string[];
  /** Most actors it takes. */
  readonly capacity?: number;
  readonly log?: (line: string) => void;
}

/** Servers that somebody else runs: by URL, or with the passwords of each role in a file. */
export type ClusterSite = { readonly natsUrl: string } | { readonly accessFile: string };

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

/**
 * This machine as one host of a cluster, maybe the only one: state folder, NATS servers unless somebody else runs them,
 * streams, and every actor placed here in a process of its own. What it has taken it gives back in reverse order, when
 * it stops and when a step of the start fails.
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
  const log = options.log ?? (() => undefined);
  const startedAtMs = Date.now();
  const folder = await openStateFolder(options.stateDir);
  undo.push(() => folder.release());
  const stateDir = folder.folder;
  await mkdir(path.join(stateDir, 'logs'), { recursive: true, mode: 0o700 });
  const { drainMs } = options.config.supervision;
  // First of all: actors that outlived an earlier supervisor look for this one, and not for long.
  const adoption = await Adoption.open({ stateDir, drainMs, log });
  undo.push(() => adoption.close());

  let onServerRestart = (): void => undefined;
  const site = await siteOf(options, stateDir, log, () => onServerRestart());
  undo.push(() => site.stop());
  const config = site.placed ? withServers(options.config, site.servers()) : options.config;
  const training = trainingDataCenter(config);
  const dataCenters = options.dataCenters ?? config.dataCenters.map(({ name }) => name);
  const home = dataCenters.includes(training) ? training : (dataCenters[0] ?? training);
  const name = options.host ?? hostname();
  const bus = await connectAs(site.access(home, 'supervisor'), { name: `host ${name}` });
  undo.push(() => bus.close());
  if (!site.owned) tellRisk(bus.serverVersion, log);
  await requireStreams(bus, config, site.placed);

  if (site.owned) {
    const guard = new StorageGuard({
      folder: stateDir,
      freeBytesMin: config.nats.freeBytesMin,
      setIngest: (open) => setIngest(bus, config, { open, owned: site.placed }),
      log,
    });
    undo.push(() => guard.stop());
  }
  const host = await joinCluster({
    config,
    stateDir,
    site,
    bus,
    name,
    dataCenters,
    capacity: options.capacity ?? actorsPerCore * availableParallelism(),
    adoption,
    prepareStreams: () => prepareStreams(bus, config, site.placed),
    log,
  });
  undo.push(() => host.stop());

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
          url: server!.url, // A site has an entry for every data center.
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
    status: () => host.view.status(),
    recoveriesMs: () => host.events.recoveriesMs,
    untilReady: (timeoutMs) => host.view.untilReady(timeoutMs),
    onEvent: (listener) => host.events.onEvent(listener),
    stop: unwind,
  };
}

function siteOf(
  { config, site }: ClusterOptions,
  stateDir: string,
  log: (line: string) => void,
  onRestart: () => void,
): Promise<NatsSite> {
  if (!site) return ownSite({ config, stateDir, log, onRestart });
  if ('natsUrl' in site) return externalSite(config, site.natsUrl);
  return accessSite(config, site.accessFile);
}

/** Of a server that somebody else runs. */
function tellRisk(version: string, log: (line: string) => void): void {
  const risk = riskOf(version);
  if (risk !== undefined) log(`nats-server ${version} ${risk}. ${remedyElsewhere}`);
}

function signInOf({ user, password, inboxPrefix }: NatsAccess) {
  return { user, password, ...(inboxPrefix === undefined ? {} : { inboxPrefix }) };
}
