import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterConfig } from '../../core/config/schema.js';
import { inboxPrefixOf } from '../../messages/permissions.js';
import type { Role } from '../../messages/roles.js';
import { connectBus, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { readAccess, type AccessFile } from '../../site/access-file.js';
import { parseTopology } from '../../site/deployment/topology.js';
import { writeDeployment } from '../../site/deployment/write-deployment.js';
import { findServer } from '../../site/servers/find-server.js';
import { hasGateways, hasMetaLeader } from '../../site/servers/monitor.js';
import { choosePorts } from '../../site/servers/ports.js';
import type { ServerPorts, ServerTls } from '../../site/servers/server-config.js';
import {
  startServerProcess,
  tailOf,
  type ServerProcess,
} from '../../site/servers/server-process.js';

const host = '127.0.0.1';
const readyMsMax = 60_000;
const stopMsMax = 10_000;

interface Running {
  readonly dataCenter: string;
  readonly ports: ServerPorts;
  readonly logFile: string;
  readonly process: ServerProcess;
}

/** The servers of a deployment as `starling nats-config` describes them, all of them on this host. */
export interface DeploymentServers {
  readonly access: AccessFile;
  /** The path of access.json. */
  readonly accessFile: string;
  /** At the servers of a data center, in the order of access.json. */
  connect(role: Role, dataCenter: string): Promise<NatsBus>;
  /** As a power cut does. */
  kill(server: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeployment(
  config: ClusterConfig,
  folder: string,
  tls?: ServerTls,
): Promise<DeploymentServers> {
  const names = config.dataCenters.flatMap(({ name, servers }) =>
    Array.from({ length: servers }, (_, i) => ({ dataCenter: name, server: `${name}-${i + 1}` })),
  );
  const ports = await choosePorts(
    names.map(({ server }) => server),
    'auto',
    {},
  );
  const out = path.join(folder, 'deployment');
  const topology = parseTopology(
    { dataCenters: serversByDataCenter(names, ports, folder), ...(tls ? { tls } : {}) },
    config,
  );
  await writeDeployment(out, { config, topology });
  const accessFile = path.join(out, 'access.json');
  const access = await readAccess(accessFile);
  const { path: binary } = await findServer();
  const running = new Map<string, Running>();
  for (const { dataCenter, server } of names) {
    const configFile = path.join(out, dataCenter, `${server}.conf`);
    const logFile = path.join(folder, `${server}.log`);
    const process = startServerProcess({ binary, configFile, logFile });
    running.set(server, { dataCenter, ports: ports[server]!, logFile, process });
  }
  const buses: NatsBus[] = [];

  const stop = async (): Promise<void> => {
    await Promise.all(buses.map((bus) => bus.close()));
    await Promise.all([...running.values()].map(({ process }) => process.stop(stopMsMax)));
  };
  try {
    await untilReady([...running.values()]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    access,
    accessFile,
    async connect(role, dataCenter) {
      const { urls } = access.dataCenters.find(({ name }) => name === dataCenter)!;
      const bus = await connectBus({
        cluster: access.name,
        urls,
        user: role,
        password: access.passwords[role]!,
        inboxPrefix: inboxPrefixOf(role, { cluster: access.name }),
        tls: access.tls,
        name: 'test',
      });
      buses.push(bus);
      return bus;
    },
    async kill(server) {
      const { process } = running.get(server)!;
      process.kill('SIGKILL');
      await process.exited;
    },
    stop,
  };
}

function serversByDataCenter(
  names: readonly { readonly dataCenter: string; readonly server: string }[],
  ports: Readonly<Record<string, ServerPorts>>,
  folder: string,
): Record<string, object[]> {
  const all: Record<string, object[]> = {};
  for (const { dataCenter, server } of names) {
    const storeDir = path.join(folder, 'streams', server);
    (all[dataCenter] ??= []).push({ server, host, storeDir, ports: ports[server] });
  }
  return all;
}

/** Streams can be created through each server, and it is joined to the other data centers. */
async function untilReady(servers: readonly Running[]): Promise<void> {
  const endMs = Date.now() + readyMsMax;
  for (const { dataCenter, ports, logFile, process } of servers) {
    const others = new Set(servers.map((each) => each.dataCenter).filter((n) => n !== dataCenter));
    while (!((await hasMetaLeader(ports)) && (await hasGateways(ports, [...others])))) {
      if (!process.isRunning() || Date.now() > endMs) {
        throw new Error(
          `a server of ${dataCenter} is not ready; its log:\n${await tailOf(logFile)}`,
        );
      }
      await sleep(50);
    }
  }
}
