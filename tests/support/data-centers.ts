import { mkdirSync } from 'node:fs';
import base from '../../cluster.config.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { Role } from '../../messages/roles.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { ClusterStreams } from '../../site/cluster-streams.js';
import { ownSite } from '../../site/nats-site.js';
import { temporaryFolder } from './starling-process.js';

/** The servers of a whole cluster, with all of its streams and roles, and nobody on them: train, east and west. */
export interface DataCenters {
  /** As an actor of that data center would be connected; closed in the end. */
  connect(role: Role, dataCenter: string): Promise<NatsBus>;
  /** A server that is killed is restarted within a second or so. */
  signal(dataCenter: string, signal: NodeJS.Signals): void;
  isUp(dataCenter: string): boolean;
  stop(): Promise<void>;
}

export async function startDataCenters(): Promise<DataCenters> {
  const { folder, remove } = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const config = parseClusterConfig(base);
  const log = (): void => undefined;
  const site = await ownSite({ config, stateDir: folder, log });
  const buses: NatsBus[] = [];
  const connect = async (role: Role, dataCenter: string): Promise<NatsBus> => {
    const bus = await connectAs(site.access(dataCenter, role), { name: `${role}-${dataCenter}` });
    buses.push(bus);
    return bus;
  };
  const pidOf = (dataCenter: string): number | null =>
    site.servers().find((server) => server.dataCenter === dataCenter)?.pid ?? null;
  const bus = await connect('supervisor', 'train');
  await new ClusterStreams({ bus, config, placed: site.owned }).prepare();
  return {
    connect,
    signal: (dataCenter, name) => {
      const pid = pidOf(dataCenter);
      if (pid !== null) process.kill(pid, name);
    },
    isUp: (dataCenter) => pidOf(dataCenter) !== null,
    async stop() {
      await Promise.all(buses.map((bus) => bus.close()));
      await site.stop();
      remove();
    },
  };
}

/** Waits for a condition. */
export async function until(what: string, holds: () => boolean, timeoutMs = 40_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
