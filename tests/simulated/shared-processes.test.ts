import { expect, test } from '@jest/globals';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);

test('actors that share a process end together, and their like in the other one answers meanwhile', async () => {
  const world = await SimulatedWorld.start({ seed, everyMs: 50, supervision: { processes: 2 } });
  const epochs = () => new Map(world.status().actors.map(({ address, epoch }) => [address, epoch]));
  const before = epochs();
  const [answered, { pid }] = [world.answered, world.process('east.ranker.0')];
  const together = world.cluster.hosts
    .flatMap(({ actors }) => actors)
    .filter((actor) => actor.address.startsWith('east.') && actor.pid === pid)
    .map(({ address }) => address);
  expect(together).toEqual(expect.arrayContaining(['east.ranker.0', 'east.recommender.0']));
  expect(together).not.toContain('east.ranker.1');

  world.process('east.recommender.0').kill();
  await world.until('all are back', ({ ready, actors }) =>
    actors.every(({ address, epoch }) => {
      const isAnew = epoch === before.get(address)! + 1;
      return ready && isAnew === together.includes(address);
    }),
  );
  await world.pass(2_000);
  expect(world.troubles.map(({ refused }) => refused)).toEqual([[], []]);
  expect(world.answered).toBeGreaterThan(answered + 20);

  // The owner of partitions in the process of the one that goes is left alone.
  const now = epochs();
  await world.operate('scale', { kind: 'ps-shard', count: 4 });
  await world.operate('scale', { kind: 'ps-shard', count: 2 });
  await world.until('all is ready', ({ ready }) => ready);
  const others = [...epochs()].filter(([address]) => !/ps-shard\.[23]/.test(address));
  expect(others).toEqual([...now]);
}, 120_000);
