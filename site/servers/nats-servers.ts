import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError, codeOf } from '../../core/base/errors.js';
import { isFileError, readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import { childPolicy, type ChildPolicy } from '../../runtime/restart-policy.js';
import { isAtLeast, type NatsServerBinary } from './find-server.js';
import { ServerNotes, endServers, findLeftServers, type LeftServers } from './left-servers.js';
import { acceptsClients, isAlive, isHealthy } from './monitor.js';
import { choosePorts, isFree, keptPorts, type PortChoice } from './ports.js';
import {
  renderServerConfig,
  type DataCenterServer,
  type ServerLimits,
  type ServerPorts,
  type ServerTls,
} from './server-config.js';
import { remedyFor, versionWithSyncAlways } from './server-age.js';
import { ServerRunner, type ServerEvents } from './server-runner.js';
import type { ServerCredentials } from './server-users.js';
import { noteStreamVersions, requireReadableStreams } from './stream-versions.js';

/**
 * The nats-servers of a cluster on one host: one for each data center, all started at once. At once matters: the vote
 * for the leader of the meta group is held a second after the start, and a server that comes later makes it fail, which
 * costs the 4 to 9 seconds of an election time-out (fresh start together: 1.1 s, 1.5 s apart: 8 s). A restart on
 * existing streams has no such early vote and takes about 5 s. So servers that a killed cluster left are not restarted
 * when they would be told the same again.
 *
 * In `folder`: `<data center>.conf`, `streams/<data center>`, `logs/<data center>.log`, ports.json, servers.json and
 * versions.json.
 */
export interface NatsServersOptions extends ServerEvents {
  /** At least two. */
  readonly dataCenters: readonly { readonly name: string }[];
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
  /** Of restarts; only the window, backoff and drain time are used. */
  readonly policy?: Partial<ChildPolicy>;
  readonly log?: (line: string) => void;
  /** Too short: a start on a busy machine is given up. Too long: a start that can't succeed is waited for. */
  readonly startMsMax?: number;
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

/** A port is free when it is chosen and taken when the server starts, at most this often in a row. */
const startsMax = 3;

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
  await mkdir(path.join(options.folder, 'logs'), { recursive: true, mode: 0o700 });
  const left = await findLeftServers(options.folder);
  let kept = await keepServers(options, left);
  if (kept === undefined) await endServers(left);
  await noteVersions(options, kept === undefined ? new Map() : left);
  for (let attempt = 1; ; attempt++) {
    const servers = kept ?? (await prepareServers(options));
    const group = new ServerGroup(options, servers, kept === undefined ? new Map() : left);
    kept = undefined;
    try {
      await group.untilReady();
      return group;
    } catch (error) {
      await group.stop();
      const lostPort = codeOf(error) === 'NATS_SERVER_FAILED' && (await anyTaken(servers));
      if (!lostPort || attempt === startsMax) throw error;
    }
  }
}

class ServerGroup implements NatsServers {
  readonly #options: NatsServersOptions;
  readonly #runners: readonly ServerRunner[];
  readonly #drainMs: number;
  readonly #notes: ServerNotes;
  /** The last chance not to leave servers behind, when the process ends without stop(). */
  readonly #killAll = () => this.#runners.forEach((runner) => runner.kill('SIGTERM'));

  /** @param kept run already; the others are started. */
  constructor(
    options: NatsServersOptions,
    servers: readonly DataCenterServer[],
    kept: LeftServers,
  ) {
    const policy = childPolicy(options.policy);
    const notes = new ServerNotes(options.folder, kept, options.log ?? (() => undefined));
    const events: ServerEvents = {
      ...options,
      onStarted: (dataCenter, pid) => {
        notes.add(dataCenter, pid);
        options.onStarted?.(dataCenter, pid);
      },
    };
    this.#options = options;
    this.#drainMs = policy.drainMs;
    this.#notes = notes;
    process.on('exit', this.#killAll);
    this.#runners = servers.map((server) => {
      const files = {
        binary: options.binary.path,
        configFile: configPath(options.folder, server.name),
        logFile: path.join(options.folder, 'logs', `${server.name}.log`),
      };
      return new ServerRunner(server, files, policy, events, kept.get(server.name));
    });
  }

  async untilReady(): Promise<void> {
    const deadlineMs = performance.now() + (this.#options.startMsMax ?? startMsMaxDefault);
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
    await Promise.all(this.#runners.map((runner) => runner.stop(this.#drainMs)));
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

/** @param kept run on their streams already, as what they are. */
async function noteVersions(options: NatsServersOptions, kept: LeftServers): Promise<void> {
  const { binary, dataCenters, log } = options;
  const started = dataCenters.map(({ name }) => name).filter((name) => !kept.has(name));
  const before = await noteStreamVersions(options, binary, started);
  if (before === undefined) return;
  const text = `nats-server ${binary.version} takes over the streams of ${before}, which can't open them any more then`;
  log?.(text);
}

async function prepareServers(options: NatsServersOptions): Promise<DataCenterServer[]> {
  const names = options.dataCenters.map(({ name }) => name);
  const earlier = await earlierPorts(options.folder);
  const ports = await choosePorts(names, options.ports, earlier);
  await writePrivateJson(portsPath(options.folder), ports);
  const servers = serversAt(options, ports);
  for (const [file, text] of renderAll(options, servers)) {
    await writeFile(file, text, { mode: 0o600 });
  }
  return servers;
}

/**
 * The servers of this start, if the running ones can stay: their configuration would be the same, byte for byte, they
 * answer, and those that are missing find their ports free. Undefined: all are to be started.
 */
async function keepServers(
  options: NatsServersOptions,
  left: LeftServers,
): Promise<DataCenterServer[] | undefined> {
  if (left.size === 0) return undefined;
  const names = options.dataCenters.map(({ name }) => name);
  const ports = keptPorts(names, options.ports, await earlierPorts(options.folder));
  if (ports === undefined) return undefined;
  const servers = serversAt(options, ports);
  for (const [file, text] of renderAll(options, servers)) {
    if ((await textOf(file)) !== text) return undefined;
  }
  const usable = await Promise.all(
    servers.map(({ name, ports }) => (left.has(name) ? answers(ports) : areFree(ports))),
  );
  return usable.every(Boolean) ? servers : undefined;
}

async function answers(ports: ServerPorts): Promise<boolean> {
  return (await acceptsClients(ports)) && (await isAlive(ports));
}

async function areFree(ports: ServerPorts): Promise<boolean> {
  const free = await Promise.all(Object.values<number>({ ...ports }).map(isFree));
  return !free.includes(false);
}

function serversAt(
  { folder, dataCenters }: NatsServersOptions,
  ports: Readonly<Record<string, ServerPorts>>,
): DataCenterServer[] {
  return dataCenters.map(({ name }) => {
    const storeFolder = path.resolve(folder, 'streams', name);
    return { name, storeFolder, ports: ports[name]! };
  });
}

/** File and content of each server's configuration. */
function renderAll(
  options: NatsServersOptions,
  servers: readonly DataCenterServer[],
): [file: string, text: string][] {
  const { folder, credentials, tls } = options;
  const limits: ServerLimits = { ...options, syncAlways: options.syncAlways ?? false };
  return servers.map((server) => [
    configPath(folder, server.name),
    renderServerConfig(server, servers, credentials, limits, tls),
  ]);
}

async function earlierPorts(folder: string): Promise<Record<string, ServerPorts>> {
  return ((await readJson(portsPath(folder))) ?? {}) as Record<string, ServerPorts>;
}

/** Undefined: there is no such file. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function portsPath(folder: string): string {
  return path.join(folder, 'ports.json');
}

function configPath(folder: string, name: string): string {
  return path.join(folder, `${name}.conf`);
}

async function anyTaken(servers: readonly DataCenterServer[]): Promise<boolean> {
  const free = await Promise.all(servers.map(({ ports }) => areFree(ports)));
  return free.includes(false);
}
