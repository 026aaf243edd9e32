import { describe } from '@jest/globals';
import { names } from '../../messages/default-names.testkit.js';
import { busContract, type BusWorld } from '../../runtime/bus/bus-contract.testkit.js';
import { SeededRandom } from '../time/seeded-random.js';
import { SimulatedProcess } from '../time/simulated-process.js';
import { VirtualTime } from '../time/virtual-time.js';
import { MemoryBus } from './memory-bus.js';
import { MemoryServers } from './memory-servers.js';
import { Network } from './network.js';

const home = 'east';

async function memoryWorld(seed: number): Promise<BusWorld> {
  const time = new VirtualTime();
  const random = new SeededRandom(seed);
  const network = new Network(time, random.child(1));
  const servers = new MemoryServers({
    ...{ time, network, random: random.child(2) },
    dataCenters: [home],
  });
  let connections = 0;
  const connect = async (): Promise<MemoryBus> => {
    const name = `process ${++connections}`;
    const process = new SimulatedProcess(time, {
      name,
      random: random.child(connections + 2),
      onCrash: (error) => {
        throw error;
      },
    });
    return new MemoryBus({ servers, process, names, dataCenters: [home] });
  };
  return {
    connect,
    declareStream: async (name, subjects) => {
      const limits = { maxAgeMs: 0, discard: 'new', duplicateWindowMs: 120_000 } as const;
      servers.declare({ name, subjects, cluster: home, ...limits });
    },
    declareBucket: async (name) => servers.declareBucket(name, home),
    hang: () => servers.hang(home),
    wake: () => servers.wake(home),
    restart: async () => {
      servers.stop(home);
      time.at(time.nowMs + 200, undefined, () => servers.start(home));
    },
    run: (act) => time.run(act(), 600_000),
    close: async () => undefined,
  };
}

describe.each([1, 2, 3, 4, 5])('a bus in memory, seed %i', (seed) => {
  busContract(() => memoryWorld(seed));
});
