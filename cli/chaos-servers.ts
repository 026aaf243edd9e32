import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostPlan } from '../chaos/fleet.js';
import { KeptProcess } from '../chaos/kept-process.js';
import { MachineNetwork } from '../chaos/network.js';
import { StarlingError } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { HostedServer } from '../messages/hosts.js';
import type { Role } from '../messages/roles.js';
import type { NatsAccess } from '../messages/nats-access.js';
import { readServerInfo } from '../runtime/server-info.js';
import { parseTopology } from '../site/deployment/topology.js';
import { writeDeployment } from '../site/deployment/write-deployment.js';
import { findServer } from '../site/servers/find-server.js';
import { accessSite, ownSite } from '../site/nats-site.js';

/** That of every server, as each has a machine of its own. */
const clientPort = 4222;
const startMsMax = 30_000;
const pollMs = 50;

/** The NATS servers of a cluster that is to be broken; whatever ends is started again. */
export interface ChaosServers {
  readonly access: (dataCenter: string, role: Role) => NatsAccess;
  readonly accessFile: string;
  /** Absent: servers and hosts share this machine's network. */
  readonly network?: MachineNetwork;
  running(): readonly HostedServer[];
  stop(): Promise<void>;
}

/** One server for each data center: on this machine, or on the network of the data center's first host. */
export function startServers(
  config: ClusterConfig,
  folder: string,
  hosts: readonly HostPlan[],
  isNetworked: boolean,
  log: (line: string) => void,
): Promise<ChaosServers> {
  return isNetworked ? onNetworks(config, folder, hosts) : here(config, folder, log);
}

async function here(
  config: ClusterConfig,
  folder: string,
  log: (line: string) => void,
): Promise<ChaosServers> {
  const site = await ownSite({ config, stateDir: folder, log });
  return {
    access: site.access,
    accessFile: path.join(folder, 'nats', 'access.json'),
    running: () => site.servers(),
    stop: () => site.stop(),
  };
}

/** As `starling nats-config` describes them, each on a machine of its own. */
async function onNetworks(
  config: ClusterConfig,
  folder: string,
  hosts: readonly HostPlan[],
): Promise<ChaosServers> {
  const network = await MachineNetwork.create(hosts.map(({ name }) => name));
  const processes: { name: string; host: string; process: KeptProcess }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map(({ process }) => process.stop()));
    await network.remove();
  };
  try {
    const homes = config.dataCenters.map(({ name }) => {
      return { name, host: hosts.find(({ dataCenters }) => dataCenters[0] === name)!.name };
    });
    const out = path.join(folder, 'deployment');
    const topology = parseTopology(
      {
        dataCenters: Object.fromEntries(
          homes.map(({ name, host }) => {
            const storeDir = path.join(folder, 'streams', name);
            return [name, [{ server: host, host: network.addressOf(host), storeDir }]];
          }),
        ),
      },
      config,
    );
    await writeDeployment(out, { config, topology });
    await mkdir(path.join(folder, 'nats-logs'), { mode: 0o700 });
    const { path: binary } = await findServer();
    for (const { name, host } of homes) {
      const conf = path.join(out, name, `${host}.conf`);
      const log = path.join(folder, 'nats-logs', `${name}.log`);
      const command = [...network.within(host), binary, '--config', conf];
      processes.push({ name, host, process: new KeptProcess(command, log) });
    }
    for (const { process } of processes) process.start();
    const addresses = homes.map(({ host }) => `${network.addressOf(host)}:${clientPort}`);
    await Promise.all(addresses.map(untilGreeted));
    const accessFile = path.join(out, 'access.json');
    const { access } = await accessSite(config, accessFile);
    return {
      access,
      accessFile,
      network,
      running: () =>
        processes.map(({ name, host, process }) => {
          const url = `nats://${network.addressOf(host)}:${clientPort}`;
          return { dataCenter: name, pid: process.pid ?? null, url };
        }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @throws StarlingError NATS_SERVER_FAILED when no server is there in time. */
async function untilGreeted(address: string): Promise<void> {
  const endMs = performance.now() + startMsMax;
  while (!(await readServerInfo(address, startMsMax))) {
    if (performance.now() > endMs)
      throw new StarlingError(
        'NATS_SERVER_FAILED',
        `no nats-server at ${address}; its log is in nats-logs of the state folder.`,
        { address },
      );
    await sleep(pollMs);
  }
}
