import { pino, type Logger } from 'pino';
import { clientOn, type StarlingClient } from '../../client/client.js';
import { wholeDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { loadBackend } from '../../core/model/backend.js';
import { computeAlikeEverywhere } from '../../core/model/kernels/kernel-module.js';
import { namesOf, type ClusterNames } from '../../messages/cluster-names.js';
import { declareBucket, declareStreams } from '../../messages/declared-streams.js';
import { lastToken } from '../../messages/subjects.js';
import type { SimulatedActor } from '../hosts/simulated-actor.js';
import { SimulatedHost } from '../hosts/simulated-host.js';
import { MemoryBus } from '../nats/memory-bus.js';
import { MemoryServers } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { SimulatedProcess } from '../time/simulated-process.js';
import { VirtualTime } from '../time/virtual-time.js';
import { creators } from './creators.js';

export interface SimulatedClusterOptions {
  readonly seed: number;
  readonly config: ClusterConfig;
  /** Names of hosts with the data centers that each may serve. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** Whether the configuration may change: hosts keep versions of it then, and follow them. */
  readonly changes?: boolean;
  /** Where what hosts and actors say goes; default: nowhere. */
  readonly logOf?: (name: string) => Logger;
  /** Hears what an actor, of a version of the configuration, or a host could not go on with. */
  readonly onFailed?: (name: string, code: string, message: string, version?: number) => void;
  /** Hears of every process of an actor that is started. */
  readonly onStarted?: (actor: SimulatedActor, host: SimulatedHost) => void;
}

const silent = pino({ level: 'silent' });
/** Clocks of machines go wrong by so much, at most. */
const driftMax = 200e-6;
const aheadMsMax = 50;

/** A whole cluster in one process and in the time of a simulation: real actors and hosts, servers in memory. */
export class SimulatedCluster {
  readonly config: ClusterConfig;
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly network: Network;
  readonly servers: MemoryServers;
  readonly hosts: readonly SimulatedHost[];
  readonly names: ClusterNames;

  private constructor(options: SimulatedClusterOptions) {
    const { seed, config, hosts, logOf = () => silent, onFailed = () => undefined } = options;
    const { onStarted = () => undefined, changes = false } = options;
    this.config = config;
    this.random = new SeededRandom(seed);
    this.names = namesOf(config.name, wholeDataCenter(config));
    this.network = new Network(this.time, this.random.child(1));
    this.servers = new MemoryServers({
      ...{ time: this.time, network: this.network, random: this.random.child(2) },
      dataCenters: config.dataCenters.map(({ name }) => name),
      mapped: (subject, dataCenter) => this.#mapped(subject, dataCenter),
    });
    this.#declare();
    this.hosts = Object.entries(hosts).map(([name, dataCenters], i) => {
      const random = this.random.child(100 + i);
      return new SimulatedHost({
        ...{ time: this.time, servers: this.servers, names: this.names, config, random },
        ...{ logOf, onFailed, onStarted, changes },
        offer: { name, dataCenters, capacity: 64 },
        clock: {
          rate: 1 + random.between(-driftMax, driftMax),
          aheadMs: random.between(-aheadMsMax, aheadMsMax),
        },
        load: (kind) => creators[kind],
      });
    });
  }

  /** Hosts are not started yet. */
  static async make(options: SimulatedClusterOptions): Promise<SimulatedCluster> {
    // What it waits for is in the world outside.
    computeAlikeEverywhere();
    await loadBackend(options.config.model.backend, blueprintOf(options.config).model);
    return new SimulatedCluster(options);
  }

  host(name: string): SimulatedHost {
    const found = this.hosts.find((host) => host.name === name);
    if (!found) throw new Error(`there is no host ${name}`);
    return found;
  }

  /** A process that belongs to no host: of somebody who uses the cluster, or looks at it. */
  outsider(name: string, onCrash: (error: unknown) => void): SimulatedProcess {
    return new SimulatedProcess(this.time, { name, random: this.random.child(3), onCrash });
  }

  connect(process: SimulatedProcess, home: string): MemoryBus {
    const others = this.config.dataCenters.map(({ name }) => name).filter((name) => name !== home);
    const { servers, names } = this;
    return new MemoryBus({ servers, process, names, dataCenters: [home, ...others] });
  }

  client(process: SimulatedProcess, home: string): StarlingClient {
    return clientOn(this.connect(process, home));
  }

  #declare(): void {
    const { dataCenters } = this.config;
    for (const stream of declareStreams(this.names, { dataCenters, ingestMapped: true }))
      this.servers.declare(stream);
    const { name, cluster } = declareBucket(this.names, { dataCenters });
    this.servers.declareBucket(name, cluster);
  }

  /** Events are stored in the data center in which they are sent. */
  #mapped(subject: string, dataCenter: string): string {
    if (!this.names.isOf('ingest', subject)) return subject;
    return this.names.pattern('raw', { dc: dataCenter, type: lastToken(subject) });
  }
}
