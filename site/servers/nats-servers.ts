import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { identityOf, type ProcessIdentity } from '../../runtime/os/process-identity.js';
import type { ProcessNotes } from '../../runtime/os/process-notes.js';
import { childPolicy } from '../../runtime/restart-policy.js';
import { isAtLeast, type NatsServerBinary } from './find-server.js';
import { arrangeFirstVote } from './first-vote.js';
import { acceptsClients, isAlive, isHealthy } from './monitor.js';
import { choosePorts, isFree, keptPorts, type PortChoice } from './ports.js';
import {
  renderServerConfig,
  type DataCenterServer,
  type ServerPorts,
  type ServerTls,
} from './server-config.js';
import { remedyFor, riskOf, versionWithSyncAlways } from './server-age.js';
import { ServerFolder, type PortsByName, type ServerConfigs } from './server-folder.js';
import { adoptServerProcess } from './server-process.js';
import { ServerRunner, type ServerEvents, type ServerRestarts } from './server-runner.js';
import type { ServerCredentials } from './server-users.js';
import { noteStreamVersions, requireReadableStreams } from './stream-versions.js';

/**
 * The nats-servers of a cluster on one host: one for each data center, all started at once. At once matters: the vote
 * for the leader of the meta group is held within a second or two of the start, and who comes later makes it fail, which costs
 * the 4 to 9 seconds of an election time-out. Two at once would fail each other just so: first-vote.ts sees to it that one
 * wins (2.15.3, two cores with much other work: 41 of 44 starts took 1.3 to 1.8 s, three 5.5 to 8.2; without it 7 of 19 were
 * below 2 s and the others 5.6 to 11). A restart on existing streams has no early vote and takes about 5 s. So servers that a
 * killed cluster left are not restarted when they would be told the same again.
 */
export interface NatsServersOptions extends ServerEvents {
  /** The name of the cluster. */
  readonly cluster: string;
  /** The data center that learns and answers, if there is one. */
  readonly whole?: string | undefined;
  readonly dataCenters: readonly { readonly name: string }[];
  /** For their files; see server-folder.ts. */
  readonly folder: string;
  readonly ports: PortChoice;
  readonly credentials: ServerCredentials;
  /** Without it nothing is encrypted, as nothing leaves the host. */
  readonly tls?: ServerTls | undefined;
  readonly binary: NatsServerBinary;
  readonly payloadBytesMax: number;
  /** Of each data center. */
  readonly storageBytesMax: number;
  /** Flush to disk before each acknowledgement; default false. @throws CONFIG_INVALID before 2.10 */
  readonly syncAlways?: boolean;
  readonly restarts?: ServerRestarts;
  readonly log?: (line: string) => void;
  /** All processes are there, none was kept, and they begin to look for each other. */
  readonly onAllStarted?: () => void;
  /** Too short: a start on a busy machine is given up. Too long: a start that can't succeed is waited for. */
  readonly startMsMax?: number;
  /** For a server to end by itself, as it does in some tenths of a second unless it hangs. Too short: its streams are checked. */
  readonly endMsMax?: number;
}

export interface NatsServerStatus {
  readonly dataCenter: string;
  /** For clients, without credentials. */
  readonly url: string;
  /** Undefined while it is being restarted. */
  readonly pid: number | undefined;
}

export interface NatsServers {
  readonly servers: () => NatsServerStatus[];
  /** @returns by data center: whether its server answers and its streams are recovered. Takes 2 s at most. */
  ping(): Promise<Record<string, boolean>>;
  /** Ends the server of a data center, to be restarted; for fault injection, and for one that hangs. */
  kill(dataCenter: string, signal?: NodeJS.Signals): void;
  /** Ends all of them for good. */
  stop(): Promise<void>;
}

const startMsMaxDefault = 60_000;

/** Of servers whose ports were taken between the choice and the start. */
const startsMax = 3;

const endMsMaxDefault = 10_000;

/**
 * Resolves when streams can be created through every server.
 *
 * @throws NATS_SERVER_TOO_OLD if a newer server has written the streams
 * @throws PORT_IN_USE if a port of a named base is taken
 * @throws NATS_SERVER_FAILED with the last lines of the log of the server that did not come up, or STORAGE_FULL if it
 *   has no disk left; none is left running
 */
export async function startNatsServers(options: NatsServersOptions): Promise<NatsServers> {
  requireSyncSupport(options);
  await requireReadableStreams(options, options.binary);
  tellRisk(options);
  const folder = await ServerFolder.open(options.folder, options.log ?? (() => undefined));
  const left = new Map(folder.notes.all);
  const kept = await planThatStays(options, folder);
  if (kept === undefined) await endServers(folder.notes, options);
  for (let attempt = 1; ; attempt++) {
    const stay = attempt === 1 && kept !== undefined;
    const plan = stay ? kept : await planAnew(options, folder);
    await noteVersions(options, new Set(stay ? left.keys() : []));
    if (!stay) await arrangeFirstVote(plan.servers.map(({ storeFolder }) => storeFolder));
    try {
      return await startAll(options, folder, plan.servers, stay ? left : new Map());
    } catch (error) {
      if (!(await lostPort(error, plan)) || attempt === startsMax) throw error;
    }
  }
}

/** What servers are to be: where they listen, and what each is told. */
interface ServerPlan {
  readonly servers: readonly DataCenterServer[];
  readonly configs: ServerConfigs;
}

function planFor(
  options: NatsServersOptions,
  folder: ServerFolder,
  ports: PortsByName,
): ServerPlan {
  const { cluster, whole, credentials, tls, syncAlways = false } = options;
  const limits = { ...options, syncAlways };
  const servers = options.dataCenters.map(({ name }) => {
    return { name, storeFolder: folder.filesOf(name).storeFolder, ports: ports[name]! };
  });
  const render = (server: DataCenterServer): string =>
    renderServerConfig(server, servers, { cluster, whole, credentials, limits, tls });
  return { servers, configs: new Map(servers.map((server) => [server.name, render(server)])) };
}

/**
 * The servers of this start, if those that run can stay: their configuration would be the same, byte for byte, they
 * answer, and those that are missing find their ports free. Undefined: all are to be started.
 */
async function planThatStays(
  options: NatsServersOptions,
  folder: ServerFolder,
): Promise<ServerPlan | undefined> {
  const left = folder.notes.all;
  const names = options.dataCenters.map(({ name }) => name);
  const ports = keptPorts(names, options.ports, folder.ports);
  if (left.size === 0 || ports === undefined) return undefined;
  const plan = planFor(options, folder, ports);
  if (!(await folder.holds(plan.configs))) return undefined;
  const usable = await Promise.all(
    plan.servers.map(({ name, ports: its }) => (left.has(name) ? answers(its) : areFree(its))),
  );
  return usable.every(Boolean) ? plan : undefined;
}

async function planAnew(options: NatsServersOptions, folder: ServerFolder): Promise<ServerPlan> {
  const names = options.dataCenters.map(({ name }) => name);
  const ports = await choosePorts(names, options.ports, folder.ports);
  const plan = planFor(options, folder, ports);
  await folder.write(ports, plan.configs);
  return plan;
}

/** Resolves when all are ready; where one is not, none is left. */
async function startAll(
  options: NatsServersOptions,
  folder: ServerFolder,
  servers: readonly DataCenterServer[],
  kept: ReadonlyMap<string, ProcessIdentity>,
): Promise<NatsServers> {
  const group = new ServerGroup(options, folder, servers, kept);
  try {
    await group.untilReady();
    return group;
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** A port is free when it is chosen and taken when the server starts; somebody may come between. */
async function lostPort(error: unknown, { servers }: ServerPlan): Promise<boolean> {
  if (codeOf(error) !== 'NATS_SERVER_FAILED') return false;
  const free = await Promise.all(servers.map(({ ports }) => areFree(ports)));
  return free.includes(false);
}

/** They hold the streams. */
async function endServers(
  notes: ProcessNotes<ProcessIdentity>,
  { endMsMax = endMsMaxDefault }: NatsServersOptions,
): Promise<void> {
  const ends = [...notes.all].map(async ([name, identity]) => {
    await adoptServerProcess(identity).stop(endMsMax);
    notes.remove(name, identity.pid);
  });
  await Promise.all(ends);
}

class ServerGroup implements NatsServers {
  readonly #startMsMax: number;
  readonly #endMsMax: number;
  readonly #runners: readonly ServerRunner[];
  readonly #notes: ProcessNotes<ProcessIdentity>;
  /** The last chance not to leave servers behind, when the process ends without stop(). */
  readonly #killAll = () => this.#runners.forEach((runner) => runner.kill('SIGTERM'));

  /** @param kept run already; the others are started. */
  constructor(
    options: NatsServersOptions,
    folder: ServerFolder,
    servers: readonly DataCenterServer[],
    kept: ReadonlyMap<string, ProcessIdentity>,
  ) {
    const { startMsMax = startMsMaxDefault, restarts = childPolicy(), log, binary } = options;
    const events: ServerEvents = {
      ...options,
      onStarted: (dataCenter, pid) => {
        noteServer(folder.notes, dataCenter, pid).catch((error: unknown) => {
          // Without the note (a full disk, say) a successor finds ports and streams in use, and says so.
          log?.(`servers.json not written: ${codeOf(error)}: ${messageOf(error)}`);
        });
        options.onStarted?.(dataCenter, pid);
      },
    };
    this.#startMsMax = startMsMax;
    this.#endMsMax = options.endMsMax ?? endMsMaxDefault;
    this.#notes = folder.notes;
    process.on('exit', this.#killAll);
    this.#runners = servers.map((server) => {
      const files = { binary: binary.path, ...folder.filesOf(server.name) };
      const terms = { ...events, isAlone: servers.length === 1 };
      return new ServerRunner(server, files, restarts, terms, kept.get(server.name));
    });
    if (kept.size === 0) options.onAllStarted?.();
  }

  async untilReady(): Promise<void> {
    const deadlineMs = performance.now() + this.#startMsMax;
    const names = this.#runners.map(({ server }) => server.name);
    await Promise.all(
      this.#runners.map((runner) => {
        const others = names.filter((name) => name !== runner.server.name);
        return runner.untilReady(others, deadlineMs);
      }),
    );
    for (const runner of this.#runners) runner.watch();
  }

  servers(): NatsServerStatus[] {
    return this.#runners.map(({ server, pid }) => {
      return { dataCenter: server.name, url: `nats://127.0.0.1:${server.ports.client}`, pid };
    });
  }

  async ping(): Promise<Record<string, boolean>> {
    const answers = this.#runners.map(
      async ({ server }) => [server.name, await isHealthy(server.ports)] as const,
    );
    return Object.fromEntries(await Promise.all(answers));
  }

  kill(dataCenter: string, signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#runners.find(({ server }) => server.name === dataCenter)?.kill(signal);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop(this.#endMsMax)));
    process.off('exit', this.#killAll);
    await this.#notes.settled();
  }
}

function requireSyncSupport({ syncAlways, binary }: NatsServersOptions): void {
  if (syncAlways !== true || isAtLeast(binary.version, versionWithSyncAlways)) return;
  throw new StarlingError(
    'CONFIG_INVALID',
    `nats.syncAlways: nats-server ${binary.version} can't flush before each acknowledgement; that came with ` +
      `${versionWithSyncAlways}. ${remedyFor(binary)}`,
    { field: 'nats.syncAlways' },
  );
}

function tellRisk({ binary, log }: NatsServersOptions): void {
  const risk = riskOf(binary.version);
  if (risk !== undefined)
    log?.(`nats-server ${binary.version} (${binary.from}) ${risk}. ${remedyFor(binary)}`);
}

/** @param kept by data center; they run on their streams already, as what they are. */
async function noteVersions(options: NatsServersOptions, kept: ReadonlySet<string>): Promise<void> {
  const { binary, dataCenters, log } = options;
  const started = dataCenters.map(({ name }) => name).filter((name) => !kept.has(name));
  const before = await noteStreamVersions(options, binary, started);
  if (before === undefined) return;
  const text = `nats-server ${binary.version} takes over the streams of ${before}, which can't open them any more then`;
  log?.(text);
}

async function noteServer(
  notes: ProcessNotes<ProcessIdentity>,
  dataCenter: string,
  pid: number,
): Promise<void> {
  await notes.add(dataCenter, await identityOf(pid));
}

async function answers(ports: ServerPorts): Promise<boolean> {
  return (await acceptsClients(ports)) && (await isAlive(ports));
}

async function areFree(ports: ServerPorts): Promise<boolean> {
  const free = await Promise.all(Object.values<number>({ ...ports }).map(isFree));
  return !free.includes(false);
}
