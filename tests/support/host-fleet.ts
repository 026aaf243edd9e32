import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import base from '../../cluster.config.js';
import { Fleet, type HostPlan } from '../../chaos/fleet.js';
import type { StarlingClient } from '../../client/client.js';
import { clientOn } from '../../client/client.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import type { ClusterConfigInput } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import type { NatsSite } from '../../site/nats-site.js';
import { ownSite } from '../../site/nats-site.js';
import { leanConfig } from './lean-config.js';
import { temporaryFolder } from './starling-process.js';

const readyMsMax = 90_000;

/** A cluster on several hosts, each a process of its own, on servers that the test runs. */
export class HostFleet {
  readonly folder: string;
  readonly fleet: Fleet;
  readonly admin: NatsBus;
  readonly client: StarlingClient;
  readonly #site: NatsSite;
  readonly #clients: NatsBus;
  readonly #remove: () => void;

  private constructor(
    fleet: Fleet,
    site: NatsSite,
    buses: { readonly admin: NatsBus; readonly client: NatsBus },
    temporary: ReturnType<typeof temporaryFolder>,
  ) {
    this.folder = temporary.folder;
    this.fleet = fleet;
    this.admin = buses.admin;
    this.client = clientOn(buses.client);
    this.#site = site;
    this.#clients = buses.client;
    this.#remove = temporary.remove;
  }

  /** Hosts of the training data center come first, so that one of them leads, however busy the machine is. */
  static async start(
    plans: readonly HostPlan[],
    overrides: Partial<ClusterConfigInput>,
  ): Promise<HostFleet> {
    const temporary = temporaryFolder();
    const { folder } = temporary;
    const dataCenters = base.dataCenters!.filter(({ name }) => {
      return plans.some((plan) => plan.dataCenters.includes(name));
    });
    const config = parseClusterConfig({ ...leanConfig, dataCenters, ...overrides });
    const stateDir = path.join(folder, 'servers');
    mkdirSync(stateDir);
    const log = (): void => undefined;
    const site = await ownSite({ config, stateDir, log });
    const configFile = path.join(folder, 'config.json');
    writeFileSync(configFile, JSON.stringify(config));
    const starling = fileURLToPath(new URL('../../cli/starling.js', import.meta.url));
    const accessFile = path.join(stateDir, 'nats', 'access.json');
    const fleet = new Fleet({
      plans,
      folder,
      command: [starling, 'host', '--access', accessFile, '--config', configFile],
      servers: () => site.servers(),
    });
    fleet.start('train');
    const admin = await connectAs(site.access('train', 'admin'), { name: 'test' });
    const client = await connectAs(site.access('east', 'client'), { name: 'test' });
    const made = new HostFleet(fleet, site, { admin, client }, temporary);
    await made.until('a host leads', ({ leader }) => leader !== '');
    fleet.start();
    await made.until('every actor is ready', ({ ready }) => ready);
    return made;
  }

  async stop(): Promise<void> {
    await Promise.all([this.admin.close(), this.#clients.close()]);
    await this.fleet.stop();
    await this.#site.stop();
    this.#remove();
  }

  /** Of the supervisor of a host. */
  signal(host: string, signal: NodeJS.Signals): void {
    const found = this.fleet.processes().find(({ kind, name }) => kind === 'host' && name === host);
    if (!found) throw new Error(`host ${host} is not there`);
    process.kill(found.pid, signal);
  }

  status(): Promise<ClusterStatus> {
    return clientOn(this.admin, 2_000).status();
  }

  async until(
    what: string,
    holds: (status: ClusterStatus) => boolean | Promise<boolean>,
  ): Promise<ClusterStatus> {
    const endMs = Date.now() + readyMsMax;
    for (;;) {
      const status = await this.status().catch(() => undefined); // No host has joined yet.
      if (status && (await holds(status))) return status;
      if (Date.now() > endMs) {
        const actors = status?.actors.map(({ address, host, state, reason }) =>
          [address, host, state, reason].join(' '),
        );
        throw new Error(
          `not in time: ${what}\n${actors?.join('\n')}\n${JSON.stringify(status?.events.slice(-30), null, 1)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
