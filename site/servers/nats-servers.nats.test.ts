import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
// eslint-disable-next-line no-restricted-imports -- the servers are tested below the module that wraps the client.
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import { identityOf, type ProcessIdentity } from '../../runtime/os/process-identity.js';
import { loadCredentials } from './credentials.js';
import { findServer, type NatsServerBinary } from './find-server.js';
import { termSeenBy } from './first-vote.js';
import { acceptsClients } from './monitor.js';
import { startNatsServers, type NatsServers, type NatsServersOptions } from './nats-servers.js';
import type { ServerPorts } from './server-config.js';
import { startServerProcess, type ServerProcess } from './server-process.js';
import type { ServerExitEvent, ServerRestartEvent } from './server-runner.js';

const dataCenters = [{ name: 'train' }, { name: 'east' }, { name: 'west' }];

let binary: NatsServerBinary;
let folder: string;
let servers: NatsServers | undefined;
const connections: NatsConnection[] = [];

async function optionsFor(changed: Partial<NatsServersOptions> = {}): Promise<NatsServersOptions> {
  return {
    cluster: 'starling',
    dataCenters,
    folder,
    ports: 'auto',
    credentials: await loadCredentials(folder),
    binary,
    payloadBytesMax: 8 * 2 ** 20,
    storageBytesMax: 2 ** 30,
    ...changed,
  };
}

async function connectTo(dataCenter: string): Promise<NatsConnection> {
  const { passwords } = await loadCredentials(folder);
  const { url } = servers!.servers().find((server) => server.dataCenter === dataCenter)!;
  const connection = await connect({
    servers: url,
    user: 'supervisor',
    pass: passwords.supervisor,
  });
  connections.push(connection);
  return connection;
}

/**
 * A start takes some seconds, in which the servers find a leader. So those who follow each other share what they can: one folder,
 * and servers that go on.
 */
async function newFolder(): Promise<void> {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-nats-'));
}

async function endAll(): Promise<void> {
  await disconnect();
  await servers?.stop();
  servers = undefined;
}

async function disconnect(): Promise<void> {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
}

beforeAll(async () => {
  binary = await findServer();
}, 10 * 60_000);
afterEach(disconnect);

/** Servers that have just met may take each other for offline for a while; the supervisor asks again, too. */
async function addStream(
  manager: JetStreamManager,
  config: Parameters<JetStreamManager['streams']['add']>[0],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await manager.streams.add(config);
      return;
    } catch (error) {
      if (attempt === 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Current servers call themselves unwell until they have what the leader of the meta group has, 2.9.10 does not. */
async function untilHealthy(): Promise<void> {
  await until(async () => Object.values(await servers!.ping()).every(Boolean));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error('waited for 30 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * STARLING_OLD_NATS_SERVER names one of another release, as both are only at hand where somebody has put them there.
 * Without it both are the same, and the streams of one start are opened by the next.
 */
async function earlierServer(): Promise<NatsServerBinary> {
  const { NATS_SERVER, STARLING_OLD_NATS_SERVER } = process.env;
  if (!STARLING_OLD_NATS_SERVER) return binary;
  process.env.NATS_SERVER = STARLING_OLD_NATS_SERVER;
  try {
    return await findServer();
  } finally {
    if (NATS_SERVER === undefined) delete process.env.NATS_SERVER;
    else process.env.NATS_SERVER = NATS_SERVER;
  }
}

/** One cluster, from its first start to a third that is refused: each test goes on where the one before has left it. */
describe('the servers of a cluster', () => {
  const exits: ServerExitEvent[] = [];
  const hung: string[] = [];
  const restarts = new EventEmitter<{ restart: [ServerRestartEvent] }>();
  const nextRestart = (): Promise<[ServerRestartEvent]> =>
    once(restarts, 'restart') as Promise<[ServerRestartEvent]>;
  let earlier: NatsServerBinary;

  beforeAll(async () => {
    await newFolder();
    earlier = await earlierServer();
    servers = await startNatsServers(
      await optionsFor({
        binary: earlier,
        onExit: (exit) => exits.push(exit),
        onHung: (dataCenter) => hung.push(dataCenter),
        onRestart: (event) => restarts.emit('restart', event),
      }),
    );
  }, 60_000);
  afterAll(async () => {
    await endAll();
    await rm(folder, { recursive: true, force: true });
  });

  /** Without it the first vote is in term 1, and one that failed is followed by term 2. */
  test('have held their first vote in the term that it was arranged for', async () => {
    // A server writes the term of a vote down a moment after it has voted.
    const term = async (): Promise<number> =>
      (await termSeenBy(path.join(folder, 'streams', 'train'))) ?? 0;
    await until(async () => (await term()) > dataCenters.length);
    expect(await term()).toBeGreaterThan(dataCenters.length);
  });

  test('take an event into the stream of the data center it is published in', async () => {
    const manager = await (await connectTo('train')).jetstreamManager();
    for (const name of ['east', 'west']) {
      await addStream(manager, {
        name: `RAW_${name}`,
        subjects: [`starling.raw.${name}.>`],
        placement: { cluster: name, tags: [] },
      });
    }
    for (const name of ['east', 'west']) {
      const client = await connectTo(name);
      const accepted = await client.jetstream().publish('starling.ingest.action', 'event');
      expect(accepted).toMatchObject({ stream: `RAW_${name}`, seq: 1 });
    }
    await untilHealthy();
  });

  test('are restarted when one is killed, on the same port and with its streams', async () => {
    const placement = { cluster: 'east', tags: [] };
    const manager = await (await connectTo('train')).jetstreamManager();
    await addStream(manager, { name: 'KEPT', subjects: ['kept.*'], placement });
    await addStream(manager, { name: 'COPY', sources: [{ name: 'KEPT' }], placement });
    await (await connectTo('east')).jetstream().publish('kept.words', 'one');
    const before = servers!.servers();

    const restart = nextRestart();
    servers!.kill('east');
    const [{ dataCenter, pid }] = await restart;

    expect(dataCenter).toBe('east');
    expect(exits).toMatchObject([{ dataCenter: 'east', error: { code: 'NATS_SERVER_FAILED' } }]);
    expect(exits[0]?.error.message).toMatch(/killed by SIGKILL; its log is .*east\.log/);
    const after = servers!.servers();
    expect(after.map(({ url }) => url)).toEqual(before.map(({ url }) => url));
    expect(after.find((server) => server.dataCenter === 'east')?.pid).toBe(pid);
    const stored = await (await connectTo('east')).jetstream().publish('kept.words', 'two');
    expect(stored.seq).toBe(2);
  });

  test('are killed and restarted when one hangs', async () => {
    const restart = nextRestart();
    servers!.kill('west', 'SIGSTOP');
    const [{ dataCenter }] = await restart;
    expect(dataCenter).toBe('west');
    expect(hung).toEqual(['west']);
    expect(await servers!.ping()).toMatchObject({ train: true, east: true });
  });

  test('keep their ports, and end what else an earlier cluster is said to have left', async () => {
    const urls = servers!.servers().map(({ url }) => url);
    await servers!.stop();
    const leftover = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(leftover, 'spawn');
    const ended = once(leftover, 'exit');
    const noted = { east: await identityOf(leftover.pid!) };
    await writePrivateJson(path.join(folder, 'servers.json'), noted);

    const lines: string[] = [];
    servers = await startNatsServers(await optionsFor({ log: (line) => lines.push(line) }));

    expect(servers.servers().map(({ url }) => url)).toEqual(urls);
    await ended;
    const told = `nats-server ${binary.version} takes over the streams of ${earlier.version}`;
    expect(lines.some((line) => line.startsWith(told))).toBe(isOther());
  });

  test('read and write the streams of an earlier start', async () => {
    await untilHealthy();
    const client = await connectTo('east');
    const streams = (await client.jetstreamManager()).streams;
    const word = await streams.getMessage('KEPT', { seq: 2 });
    expect(word.string()).toBe('two');
    expect(await client.jetstream().publish('kept.words', 'three')).toMatchObject({ seq: 3 });
    await until(async () => (await streams.info('COPY')).state.messages === 3);
  });

  test('keep their streams from a server that is older than the last one', async () => {
    await endAll();
    const older = { ...binary, ...(isOther() ? earlier : { version: '2.0.0' }) };
    const refused = startNatsServers(await optionsFor({ binary: older }));
    await expect(refused).rejects.toMatchObject({ code: 'NATS_SERVER_TOO_OLD' });
  });

  const isOther = (): boolean =>
    !binary.version.startsWith(earlier.version.split('.', 2).join('.'));
});

describe('servers that a killed cluster left', () => {
  let left: ServerProcess[] = [];
  beforeAll(async () => {
    await newFolder();
    // Its ports and configurations are what those have that are left.
    await (await startNatsServers(await optionsFor())).stop();
  }, 60_000);
  afterEach(async () => {
    await endAll();
    await Promise.all(left.map((server) => server.stop(5_000)));
    left = [];
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** As a cluster with default options leaves them; by data center. */
  async function leave(names = dataCenters.map(({ name }) => name)): Promise<Map<string, number>> {
    const noted: Record<string, ProcessIdentity> = {};
    for (const name of names) {
      const server = startServerProcess({
        binary: binary.path,
        configFile: path.join(folder, `${name}.conf`),
        logFile: path.join(folder, 'logs', `${name}.log`),
      });
      left.push(server);
      noted[name] = await identityOf(server.pid!);
    }
    await writePrivateJson(path.join(folder, 'servers.json'), noted);
    const ports = await portsOf();
    await Promise.all(names.map((name, at) => untilListening(ports[name]!, left[at]!)));
    return new Map(Object.entries(noted).map(([name, { pid }]) => [name, pid]));
  }

  async function portsOf(): Promise<Record<string, ServerPorts>> {
    return (await readJson(path.join(folder, 'ports.json'))) as Record<string, ServerPorts>;
  }

  /** Asks as a client: who looks whether a port is free holds it for a moment, in which the server does not get it. */
  async function untilListening(ports: ServerPorts, server: ServerProcess): Promise<void> {
    await until(async () => !server.isRunning() || (await acceptsClients(ports)));
    expect(server.isRunning()).toBe(true);
  }

  const pidsOf = (): Map<string, number | undefined> =>
    new Map(servers!.servers().map(({ dataCenter, pid }) => [dataCenter, pid]));

  test('go on under the next, which sees when one ends, and ends them when it stops', async () => {
    const before = await leave();
    const kept: string[] = [];
    const exits: ServerExitEvent[] = [];
    const restarts = new EventEmitter<{ restart: [ServerRestartEvent] }>();
    const restart = once(restarts, 'restart') as Promise<[ServerRestartEvent]>;
    servers = await startNatsServers(
      await optionsFor({
        onKept: (dataCenter) => kept.push(dataCenter),
        onExit: (exit) => exits.push(exit),
        onRestart: (event) => restarts.emit('restart', event),
      }),
    );
    expect(kept).toEqual(['train', 'east', 'west']);
    expect(pidsOf()).toEqual(before);

    servers.kill('east');
    const [{ dataCenter, pid }] = await restart;
    expect(dataCenter).toBe('east');
    expect(exits).toMatchObject([{ dataCenter: 'east', pid: before.get('east') }]);
    expect(pidsOf()).toEqual(new Map([...before, ['east', pid]]));
    const noted = await readJson(path.join(folder, 'servers.json'));
    expect(noted).toMatchObject({ train: { pid: before.get('train') }, east: { pid } });

    await servers.stop();
    servers = undefined;
    await Promise.all(left.map(({ exited }) => exited));
  });

  test('are joined by the one that is missing', async () => {
    const before = await leave(['train', 'east']);
    servers = await startNatsServers(await optionsFor());
    const after = pidsOf();
    expect(after.get('west')).toBeDefined();
    after.delete('west');
    expect(after).toEqual(before);
  });

  test('are ended and started anew when one of them hangs', async () => {
    await leave();
    left[1]!.kill('SIGSTOP');
    servers = await startNatsServers(await optionsFor({ endMsMax: 1_000 }));
    await Promise.all(left.map(({ exited }) => exited));
    await untilHealthy();
  }, 120_000);

  // The last one: it leaves another configuration.
  test('are ended and started anew when their configuration has changed', async () => {
    const before = await leave();
    servers = await startNatsServers(await optionsFor({ payloadBytesMax: 4 * 2 ** 20 }));
    await Promise.all(left.map(({ exited }) => exited));
    for (const [dataCenter, pid] of pidsOf()) expect(pid).not.toBe(before.get(dataCenter));
  });
});

describe('a start that can not succeed', () => {
  beforeEach(newFolder);
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('names the port of the configuration that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const start = startNatsServers(await optionsFor({ ports: { base: port } }));
    await expect(start).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port } });
    await expect(start).rejects.toThrow(`port ${port}`);
    other.close();
  });

  test('shows the last words of the server', async () => {
    const options = await optionsFor({ dataCenters: [{ name: 'bad name' }, { name: 'east' }] });
    const start = startNatsServers({ ...options, payloadBytesMax: -1 });
    await expect(start).rejects.toMatchObject({ code: 'NATS_SERVER_FAILED' });
    await expect(start).rejects.toThrow(/exited with 1; its log is .* and ends with\n.*\w/);
  });

  test('says that the binary does not run', async () => {
    const absent = { ...binary, path: path.join(folder, 'absent') };
    const start = startNatsServers(await optionsFor({ binary: absent }));
    await expect(start).rejects.toThrow(/did not start .*ENOENT/);
  });

  test('asks for a newer server where each acknowledgement is to be on disk', async () => {
    const old = { ...binary, version: '2.9.10' };
    const start = startNatsServers(await optionsFor({ binary: old, syncAlways: true }));
    await expect(start).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
