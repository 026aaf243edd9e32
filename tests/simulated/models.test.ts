import { describe, expect, test } from '@jest/globals';
import type { TakenSnapshot } from '../../cluster/snapshots/taken-snapshot.js';
import { actorsOf } from '../../messages/actor-status.js';
import { SimulatedWorld } from '../support/simulated-world.js';

/** Many more are what `starling simulate` is for. */
const seed = Number(process.env['SEED'] ?? 1);

describe('a model beside main', () => {
  test('learns the same samples, dies without main, balances its books, and leaves nothing', async () => {
    const world = await SimulatedWorld.start({ seed });
    await world.pass(5_000);
    await world.operate('model', {
      ...{ act: 'start', name: 'candidate', from: '', beginning: 'now' },
      set: { 'model.hidden': [4], 'model.factorDim': 3 },
    });
    const main = new Map(world.status().actors.map(({ address, epoch }) => [address, epoch]));
    await world.pass(20_000);
    const learned = (model?: string): number =>
      actorsOf(world.status().actors, 'trainer', model).reduce(
        (sum, { stats }) => sum + (stats.samples ?? 0),
        0,
      );
    expect(learned('candidate')).toBeGreaterThan(0);
    for (const kind of ['ps-shard', 'dense-shard', 'trainer', 'ranker'] as const)
      for (const { address } of actorsOf(world.status().actors, kind, 'candidate'))
        world.process(address).kill();
    await world.pass(20_000);
    expect(await world.wrongAfter(60_000)).toBeUndefined();
    const again = world
      .status()
      .actors.filter(({ model, address, epoch }) => !model && epoch !== main.get(address));
    expect(again).toEqual([]);
    await world.operate('snapshot', {});
    await world.operate('model', { act: 'stop', name: 'candidate' });
    const { servers, names } = world.cluster;
    const { deltas, dense, snapshotsAt } = names.stream;
    const of = [deltas, dense, ...['train', 'east', 'west'].map(snapshotsAt)];
    await world.pass(5_000);
    for (const stream of of)
      expect(
        servers
          .stream(stream)
          .subjects('>')
          .filter((name) => name.includes('candidate')),
      ).toEqual([]);
    expect(world.status().actors.filter(({ model }) => model)).toEqual([]);
    expect(world.troubles.map(({ refused }) => refused)).toEqual([[], []]);
    expect(await world.wrongAfter(60_000)).toBeUndefined();
  }, 180_000);

  test('answers once it is promoted, in each data center, without a request that fails, and goes back', async () => {
    const world = await SimulatedWorld.start({ seed, everyMs: 50 });
    const start = { act: 'start', name: 'candidate', from: '', beginning: 'now' };
    await world.operate('model', { ...start, set: { 'model.hidden': [4] } });
    await world.pass(5_000);
    const answering = async (dataCenter: string): Promise<string[]> => {
      const client = world.client(dataCenter);
      const found = new Set<string>();
      for (let user = 0; user < 20; user++) {
        const { model, items } = await world.run(client.recommend({ user: `new${user}`, k: 3 }));
        expect(items.length).toBeGreaterThan(0);
        found.add(model);
      }
      return [...found].sort();
    };
    expect(await answering('east')).toEqual(['main']);
    await world.operate('model', { act: 'canary', name: 'candidate', share: 0.4 });
    await world.pass(2_000);
    expect(await answering('west')).toEqual(['candidate', 'main']);
    await expect(world.operate('model', { act: 'stop', name: 'candidate' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await world.operate('model', { act: 'promote', name: 'candidate' });
    await world.pass(5_000);
    expect(await answering('east')).toEqual(['candidate']);
    expect(await answering('west')).toEqual(['candidate']);
    const { scores, model } = await world.run(
      world.client('east').rank({ user: 'u1', candidates: ['i1', 'i2'] }),
    );
    expect({ count: scores.length, model }).toEqual({ count: 2, model: 'candidate' });
    // Its rankers die one after the other, and at once: what answered before answers meanwhile.
    for (const { address } of actorsOf(world.status().actors, 'ranker', 'candidate'))
      world.process(address).kill();
    await world.pass(5_000);
    await world.operate('model', { act: 'rollback' });
    await world.pass(5_000);
    expect(await answering('east')).toEqual(['main']);
    await world.operate('model', { act: 'stop', name: 'candidate' });
    expect(await answering('west')).toEqual(['main']);
    await world.pass(3_000);
    expect(world.troubles.map(({ refused }) => refused)).toEqual([[], []]);
    expect(await world.wrongAfter(60_000)).toBeUndefined();
  }, 180_000);

  test('begins with a snapshot of another, at the batch that it knows, whoever dies meanwhile', async () => {
    const world = await SimulatedWorld.start({ seed });
    await world.pass(10_000);
    const { taken } = (await world.operate('snapshot', {})) as { taken: readonly TakenSnapshot[] };
    const { snapshot } = taken.find(
      ({ of, dataCenter }) => of === 'rows' && dataCenter === 'train',
    )!;
    await world.pass(5_000);
    const start = { act: 'start', name: 'again', beginning: 'now', set: {} };
    await expect(world.operate('model', { ...start, from: '1-0' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    const other = { ...start, name: 'other', set: { 'model.hidden': [32, 32] } };
    await expect(world.operate('model', { ...other, from: snapshot })).rejects.toThrow(
      /parameters/,
    );
    await world.operate('model', { act: 'stop', name: 'other' });
    await world.operate('model', { ...start, from: snapshot });
    for (const address of ['train.ps-shard.2000', 'train.trainer.2000', 'train.dense-shard.2000'])
      world.process(address).kill();
    await world.pass(20_000);
    const shards = actorsOf(world.status().actors, 'ps-shard', 'again');
    expect(shards.reduce((sum, { stats }) => sum + (stats.rows ?? 0), 0)).toBeGreaterThan(0);
    expect(await world.wrongAfter(60_000)).toBeUndefined();
  }, 180_000);
});
