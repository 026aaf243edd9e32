import { declareStreams, type StreamTopology } from '../../messages/declared-streams.js';
import { names } from '../../messages/default-names.testkit.js';
import { MemoryBus } from '../../simulation/nats/memory-bus.js';
import { MemoryServers } from '../../simulation/nats/memory-servers.js';
import { Network } from '../../simulation/nats/network.js';
import { SeededRandom } from '../../simulation/time/seeded-random.js';
import { SimulatedProcess } from '../../simulation/time/simulated-process.js';
import { VirtualTime } from '../../simulation/time/virtual-time.js';

export interface MemoryWorld {
  readonly time: VirtualTime;
  readonly servers: MemoryServers;
  /** A process of its own. */
  readonly connect: () => MemoryBus;
  /** Those of a cluster's streams that a test needs, with the subjects and limits they have there. */
  readonly declareOnly: (wanted: readonly string[], topology?: StreamTopology) => void;
}

/** Servers of a data center, with a bucket, and of others, for a test of some of those who talk over them. */
export function memoryWorld(
  seed: number,
  dataCenter = 'train',
  others: readonly string[] = [],
): MemoryWorld {
  const time = new VirtualTime();
  const random = new SeededRandom(seed);
  const network = new Network(time, random.child(1));
  const dataCenters = [dataCenter, ...others];
  const servers = new MemoryServers({ time, network, random: random.child(2), dataCenters });
  servers.declareBucket(names.bucket, dataCenter);
  let connections = 0;
  return {
    time,
    servers,
    connect: () => {
      const name = `process ${++connections}`;
      const onCrash = (error: unknown): never => {
        throw error;
      };
      const child = random.child(connections + 2);
      const process = new SimulatedProcess(time, { name, random: child, onCrash });
      return new MemoryBus({ servers, process, names, dataCenters });
    },
    declareOnly: (wanted, topology = trainingAlone) => {
      for (const declaration of declareStreams(names, topology))
        if (wanted.includes(declaration.name)) servers.declare(declaration);
    },
  };
}

const trainingAlone: StreamTopology = {
  dataCenters: [{ name: 'train', role: 'training' }],
  ingestMapped: true,
};
