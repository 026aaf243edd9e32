import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StarlingError, codeOf } from '../../core/base/errors.js';
import { readJson, writePrivateJson } from '../private-file.js';
import { identityOf, isSameProcess, type ProcessIdentity } from '../process-identity.js';
import { childPolicy, type ChildPolicy } from '../restart-policy.js';
import { isAtLeast, type NatsServerBinary } from './find-server.js';
import { isHealthy } from './monitor.js';
import { choosePorts, isFree, type PortChoice } from './ports.js';
import {
  renderServerConfig,
  type DataCenterServer,
  type ServerLimits,
  type ServerPorts,
  type ServerTls,
} from './server-config.js';
import { ServerRunner, type ServerEvents } from './server-runner.js';
import type { ServerCredentials } from './server-users.js';

/**
 * The nats-servers of a cluster on one host: one for each data center, all started at once. At once matters: the vote
 * for the leader of the meta group is held a second after the start, and a server that comes later makes it fail, which
 * costs the 4 to 9 seconds of an election time-out (fresh start together: 1.1 s, 1.5 s apart: 8 s). A restart on
 * existing streams has no such early vote and takes about 5 s.
 *
 * In `folder`: `<data center>.conf`, `streams/<data center>`, `logs/<data center>.log`, ports.json and servers.json.
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
 * @throws PORT_IN_USE if a port of a named base is taken
 * @throws NATS_SERVER_FAILED with the last lines of the log of the server that did not come up, or STORAGE_FULL if it
 *   has no disk left; none is left running
 */
export async function startNatsServers(options: NatsServersOptions): Promise<NatsServers> {
  requireSyncSupport(options);
  await mkdir(path.join(options.folder, 'logs'), { recursive: true, mode: 0o700 });
  await endLeftovers(options.folder);
  for (let attempt = 1; ; attempt++) {
    const servers = await prepareServers(options);
    const group = new ServerGroup(options, servers);
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
  readonly #leftovers: LeftoverNotes;
  /** The last chance not to leave servers behind, when the process ends without stop(). */
  readonly #killAll = () => this.#runners.forEach((runner) => runner.kill('SIGTERM'));

  constructor(options: NatsServersOptions, servers: readonly DataCenterServer[]) {
    const policy = childPolicy(options.policy);
    const leftovers = new LeftoverNotes(options.folder);
    const events: ServerEvents = {
      ...options,
      onStarted: (dataCenter, pid) => {
        leftovers.note(dataCenter, pid);
        options.onStarted?.(dataCenter, pid);
      },
    };
    this.#options = options;
    this.#drainMs = policy.drainMs;
    this.#leftovers = leftovers;
    process.on('exit', this.#killAll);
    this.#runners = servers.map((server) => {
      const files = {
        binary: options.binary.path,
        configFile: configPath(options.folder, server.name),
        logFile: path.join(options.folder, 'logs', `${server.name}.log`),
      };
      return new ServerRunner(server, files, policy, events);
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
    await this.#leftovers.settled();
  }
}

function requireSyncSupport({ syncAlways, binary }: NatsServersOptions): void {
  if (syncAlways !== true || isAtLeast(binary.version, '2.10.0')) return;
  throw new StarlingError(
    'CONFIG_INVALID',
    `nats-server ${binary.version} can't flush before each acknowledgement; that came with 2.10.0`,
    { field: 'nats.syncAlways' },
  );
}

async function prepareServers(options: NatsServersOptions): Promise<DataCenterServer[]> {
  const { folder, dataCenters, credentials, tls } = options;
  const names = dataCenters.map(({ name }) => name);
  const portsFile = path.join(folder, 'ports.json');
  const earlier = ((await readJson(portsFile)) ?? {}) as Record<string, ServerPorts>;
  const ports = await choosePorts(names, options.ports, earlier);
  await writePrivateJson(portsFile, ports);
  const limits: ServerLimits = { ...options, syncAlways: options.syncAlways ?? false };
  const servers = names.map((name) => {
    const storeFolder = path.resolve(folder, 'streams', name);
    return { name, storeFolder, ports: ports[name]! };
  });
  for (const server of servers) {
    const text = renderServerConfig(server, servers, credentials, limits, tls);
    await writeFile(configPath(folder, server.name), text, { mode: 0o600 });
  }
  return servers;
}

function configPath(folder: string, name: string): string {
  return path.join(folder, `${name}.conf`);
}

async function anyTaken(servers: readonly DataCenterServer[]): Promise<boolean> {
  const ports = servers.flatMap((server) => Object.values<number>({ ...server.ports }));
  const free = await Promise.all(ports.map(isFree));
  return free.includes(false);
}

type Leftovers = Record<string, ProcessIdentity>;

/** Notes which servers run, for a successor to end them if this process is killed before it can. */
class LeftoverNotes {
  readonly #file: string;
  readonly #servers: Leftovers = {};
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#file = leftoversPath(folder);
  }

  note(dataCenter: string, pid: number): void {
    this.#writing = this.#writing
      .then(async () => {
        this.#servers[dataCenter] = await identityOf(pid);
        await writePrivateJson(this.#file, this.#servers);
      })
      .catch(() => {
        // Without the note (a full disk, say) a successor finds ports and streams in use, and says so.
      });
  }

  settled(): Promise<void> {
    return this.#writing;
  }
}

const leftoverGraceMs = 10_000;
const leftoverPollMs = 50;

/**
 * Servers outlive a cluster process that was killed with SIGKILL, and hold its streams. They are ended here; the state
 * folder's lock has made sure that nobody needs them.
 */
async function endLeftovers(folder: string): Promise<void> {
  const noted = ((await readJson(leftoversPath(folder))) ?? {}) as Leftovers;
  await Promise.all(Object.values(noted).map(endLeftover));
}

async function endLeftover(identity: ProcessIdentity): Promise<void> {
  const deadlineMs = performance.now() + leftoverGraceMs;
  for (let asked = false; await isSameProcess(identity); asked = true) {
    if (!asked) signal(identity.pid, 'SIGTERM');
    if (performance.now() > deadlineMs) signal(identity.pid, 'SIGKILL');
    await sleep(leftoverPollMs);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It ended between the look and the signal.
  }
}

function leftoversPath(folder: string): string {
  return path.join(folder, 'servers.json');
}
