import { describe, expect, test } from '@jest/globals';
import { actorsOf } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { SimulatedWorld } from '../support/simulated-world.js';

/** Many more are what `starling simulate` is for. */
const seed = Number(process.env['SEED'] ?? 1);
const stateOf = ({ dataCenters }: ClusterStatus) =>
  dataCenters.find(({ name }) => name === 'east')!.state;

describe('a data center', () => {
  test('that is drained answers nobody, and no request fails', async () => {
    const world = await SimulatedWorld.start({ seed, everyMs: 100 });
    await world.operate('drain', { dataCenter: 'east' });
    expect(stateOf(world.status())).toBe('drained');
    const requestsOf = () => {
      const all = actorsOf(world.status().actors, 'recommender');
      const [east] = all.filter(({ dataCenter }) => dataCenter === 'east');
      return east!.stats.recommend?.requests ?? 0;
    };
    await world.pass(2_000);
    const [before, asked] = [requestsOf(), world.answered];
    await world.pass(3_000);
    expect(requestsOf()).toBe(before);
    expect(world.answered - asked).toBeGreaterThan(40);
    await expect(world.operate('drain', { dataCenter: 'west' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await world.operate('undrain', { dataCenter: 'east' });
    await world.until('it answers again', () => requestsOf() > before + 20);
    await expect(world.operate('undrain', { dataCenter: 'east' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    expect(world.troubles).toEqual([
      { degraded: 0, refused: [] },
      { degraded: 0, refused: [] },
    ]);
  }, 60_000);

  test('that serves old rows leaves by itself, and comes back when it has caught up', async () => {
    const world = await SimulatedWorld.start({
      seed,
      serving: { freshnessBudgetMs: 1_500 },
      // A shard that is paused is neither killed nor restarted meanwhile.
      supervision: { drainAfterMs: 1_000, rejoinAfterMs: 1_000, suspectAfterMs: 120_000 },
    });
    const { process } = world.process('east.serving-shard.0');
    process.pause();
    await world.until('east is drained', (status) => stateOf(status) === 'drained');
    const { events } = world.status();
    expect(events.find(({ type }) => type === 'drain')).toMatchObject({
      address: 'east',
      detail: expect.stringMatching(/^stale/),
    });
    process.resume();
    await world.until('east is back', (status) => stateOf(status) === 'healthy');
  }, 60_000);
});

describe('parameter servers', () => {
  test('become more and fewer while they are used, and no recommendation fails', async () => {
    const world = await SimulatedWorld.start({ seed, everyMs: 100 });
    const learned = () =>
      actorsOf(world.status().actors, 'trainer').reduce(
        (sum, { stats }) => sum + (stats.samples ?? 0),
        0,
      );
    for (const count of [4, 3]) {
      const before = learned();
      await world.operate('scale', { kind: 'ps-shard', count });
      const shares = () =>
        world
          .status()
          .actors.filter(({ kind }) => kind === 'ps-shard')
          .map(({ partitions }) => partitions?.length ?? 0);
      expect(shares()).toHaveLength(count);
      await world.until('each shard tells of its share', () => {
        const sum = shares().reduce((a, b) => a + b);
        return Math.max(...shares()) - Math.min(...shares()) <= 1 && sum === 4;
      });
      await world.until('learning goes on', () => learned() > before);
    }
    expect(world.troubles.map(({ refused }) => refused)).toEqual([[], []]);
  }, 60_000);
});

describe('scaling', () => {
  test('refuses what can not be, with the reason, and has joiners share their partitions while events come', async () => {
    const world = await SimulatedWorld.start({ seed, joining: { partitions: 3 } });
    const scale = (kind: string, count: number) => world.operate('scale', { kind, count });
    await expect(scale('ps-shard', 9)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining("9 ps-shards can't share 4 partitions"),
    });
    await expect(scale('joiner', 4)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('joining.partitions'),
    });
    await expect(scale('gardener', 2)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(scale('serving-shard', 3)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const joined = (status: ClusterStatus) =>
      JSON.stringify(actorsOf(status.actors, 'joiner').map(({ stats }) => stats.partitions));
    await scale('joiner', 2);
    await world.until('two share them', (status) => joined(status) === '[[0,1],[2]]');
    await scale('joiner', 1);
    await world.until('one has them all', (status) => joined(status) === '[[0,1,2]]');
    await scale('ranker', 1);
    const rankers = world.status().actors.filter(({ kind }) => kind === 'ranker');
    expect(rankers.map(({ address }) => address)).toEqual(['east.ranker.0', 'west.ranker.0']);
    expect(await world.wrongAfter(60_000)).toBeUndefined();
  }, 60_000);
});
