import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { ActorKind } from '../../messages/actor-kinds.js';
import { ActorLife } from '../../runtime/actor-life.js';
import { creators } from '../../simulation/cluster/creators.js';
import { storesOn } from '../../simulation/hosts/disk-stores.js';
import { HostDisk } from '../../simulation/hosts/host-disk.js';
import { neighboursIn } from '../../simulation/nats/memory-neighbours.js';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);

type Stats = Readonly<Record<string, unknown>>;

/** A process beside the cluster's own, with actors of a data center, each with its connection. */
function processWith(world: SimulatedWorld, kinds: readonly (readonly [ActorKind, number])[]) {
  const { cluster } = world;
  const process = cluster.outsider('several', (error) => {
    throw error;
  });
  const disk = new HostDisk();
  return kinds.map(([kind, index]) => {
    const address = `east.${kind}.${index}`;
    const { partitions = [] } =
      world.status().actors.find((each) => each.address === address) ?? {};
    let stats: Stats = {};
    const life = new ActorLife({
      clock: process.clock,
      random: process.random,
      identity: { address, kind, dataCenter: 'east', index, epoch: 1_000, partitions },
      config: cluster.config,
      serving: true,
      log: pino({ level: 'silent' }),
      load: async (name) => creators[name],
      stores: () => storesOn(disk, process, address),
      connect: () => cluster.connect(process, 'east').opened(),
      neighbours: neighboursIn(process, cluster.servers),
      tell: (message) => {
        if (message.type === 'heartbeat') stats = message.stats;
      },
      usage: () => ({ rssBytes: 0, cpuMs: 0 }),
      exit: () => undefined,
    });
    life.run();
    return { life, figure: (name: string): number => Number(stats[name] ?? 0), stats: () => stats };
  });
}

describe('actors of one process', () => {
  test('a ranker has its rows from the serving shard beside it, until that leaves', async () => {
    const world = await SimulatedWorld.start({ seed, everyMs: 100 });
    const [ranker, shard, other] = processWith(world, [
      ['ranker', 7],
      ['serving-shard', 0],
      ['serving-shard', 1],
    ]);
    for (const { life } of [ranker!, shard!, other!])
      while (life.state !== 'ready') await world.pass(100);
    await world.pass(2_000);
    const before = {
      direct: ranker!.figure('callsDirect'),
      server: ranker!.figure('callsOverServer'),
    };
    await world.pass(4_000);
    const direct = ranker!.figure('callsDirect') - before.direct;
    const overServer = ranker!.figure('callsOverServer') - before.server;
    expect(direct).toBeGreaterThan(10);
    // Features come from another process.
    expect(overServer).toBeGreaterThan(0);
    expect(shard!.stats()['callsDirect']).toBe(0);

    shard!.life.stop();
    other!.life.stop();
    await world.pass(2_000);
    const then = ranker!.figure('callsDirect');
    const answered = world.answered;
    await world.pass(3_000);
    expect(ranker!.figure('callsDirect')).toBe(then);
    expect(world.answered - answered).toBeGreaterThan(10);
    expect(world.troubles).toEqual([
      { refused: [], degraded: 0 },
      { refused: [], degraded: 0 },
    ]);
  }, 120_000);
});
