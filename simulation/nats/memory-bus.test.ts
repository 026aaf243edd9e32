import { describe, expect, test } from '@jest/globals';
import { runs } from '../../core/base/runs.testkit.js';
import { names } from '../../messages/default-names.testkit.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { busContract } from '../../runtime/bus/bus-contract.testkit.js';
import { Neighbourhood } from '../../runtime/neighbours/neighbourhood.js';
import {
  anything,
  neighboursContract,
  type NeighboursWorld,
} from '../../runtime/neighbours/neighbours-contract.testkit.js';
import type { Permits } from '../../runtime/neighbours/permits.js';
import { SeededRandom } from '../time/seeded-random.js';
import { SimulatedProcess } from '../time/simulated-process.js';
import { VirtualTime } from '../time/virtual-time.js';
import { MemoryBus } from './memory-bus.js';
import { MemoryServers } from './memory-servers.js';
import { Network } from './network.js';

const home = 'east';

const limits = { maxAgeMs: 0, discard: 'new', duplicateWindowMs: 120_000 } as const;

function memoryServers(seed: number) {
  const time = new VirtualTime();
  const random = new SeededRandom(seed);
  const network = new Network(time, random.child(1));
  const servers = new MemoryServers({
    ...{ time, network, random: random.child(2) },
    dataCenters: [home],
  });
  let connections = 0;
  const newProcess = (): SimulatedProcess =>
    new SimulatedProcess(time, {
      name: `process ${++connections}`,
      random: random.child(connections + 2),
      onCrash: (error) => {
        throw error;
      },
    });
  const connectFrom = (process: SimulatedProcess): MemoryBus =>
    new MemoryBus({ servers, process, names, dataCenters: [home] });
  return { time, servers, newProcess, connectFrom };
}

async function memoryWorld(seed: number, areNeighbours = false): Promise<NeighboursWorld> {
  const { time, servers, newProcess, connectFrom } = memoryServers(seed);
  const connectApart = async (): Promise<Bus> => connectFrom(newProcess());
  const shared = newProcess();
  const hood = new Neighbourhood();
  const join = async (permits: Permits): Promise<Bus> =>
    hood.join(await connectFrom(shared).opened(), permits);
  return {
    connect: areNeighbours ? () => join(anything) : connectApart,
    connectApart,
    join,
    declareStream: async (name, subjects) => {
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

/** Few, as whole clusters on this bus run under many. */
const seeds = (usual: number) => Array.from({ length: runs(usual) }, (_unused, i) => i + 1);

describe.each(seeds(3))('a bus in memory, seed %i', (seed) => {
  busContract(() => memoryWorld(seed));
});

test.each([1, 2, 3])(
  'a tail in memory has caught up though the rest of the log was lost on its way, and then purged (seed %i)',
  async (seed) => {
    const world = memoryServers(seed);
    const { servers, time } = world;
    const stream = servers.declare({ name: 'LOG', subjects: ['log'], cluster: home, ...limits });
    const process = world.newProcess();
    const bus = world.connectFrom(process);
    for (let i = 0; i < 5; i++) stream.append('log', Uint8Array.of(i), {}, servers.wallMs);
    const heard: number[] = [];
    await time.run(
      bus
        .tail({ stream: 'LOG' }, ({ sequence }) => {
          heard.push(sequence);
          if (sequence > 1) return;
          servers.interrupt(bus);
          stream.purge({});
        })
        .then((tail) => tail.caughtUp),
      60_000,
    );
    expect(heard).toEqual([1]);
  },
);

describe.each(seeds(2))('buses in memory of one process, seed %i', (seed) => {
  busContract(() => memoryWorld(seed, true));
  neighboursContract(() => memoryWorld(seed, true));
});
