import { describe, expect, test } from '@jest/globals';
import { SimulatedWorld } from '../support/simulated-world.js';

/** Many more are what `starling simulate` is for. */
const seed = Number(process.env['SEED'] ?? 1);

describe('an actor that is killed', () => {
  test('costs no recommendation where it serves rows that the other data center has', async () => {
    const world = await SimulatedWorld.start({ seed, everyMs: 50 });
    const before = world.answered;
    for (let kill = 0; kill < 3; kill++) {
      const { epoch } = world.actor('east.serving-shard.0');
      world.process('east.serving-shard.0').kill();
      await world.until('it is back', () => {
        const { epoch: now, state } = world.actor('east.serving-shard.0');
        return now > epoch && state === 'ready';
      });
    }
    await world.pass(2_000);
    expect(world.troubles.map(({ refused }) => refused)).toEqual([[], []]);
    expect(world.answered - before).toBeGreaterThan(100);
  }, 60_000);

  test.each([
    ['rest-for-one', ['train.trainer.0', 'train.trainer.1']],
    ['all-for-one', 'all'],
  ] as const)(
    '%s: takes those along that share its fate, and none of another data center',
    async (strategy, expected) => {
      const world = await SimulatedWorld.start({ seed, supervision: { strategy } });
      const before = new Map(world.status().actors.map(({ address, epoch }) => [address, epoch]));
      world.process('train.trainer.0').kill();
      await world.pass(1_000);
      await world.until('all is ready again', ({ ready }) => ready);
      const { actors, events } = world.status();
      const anew = actors.filter(({ address, epoch }) => epoch > before.get(address)!);
      const addresses = anew.map(({ address }) => address).sort();
      const all = actors.filter(({ dataCenter }) => dataCenter === 'train');
      const wanted = expected === 'all' ? all.map(({ address }) => address) : [...expected];
      expect(addresses).toEqual(wanted.sort());
      const told = events
        .filter(({ detail }) => detail === 'with its group: train.trainer.0 crashed')
        .map(({ address }) => address);
      expect(told.sort()).toEqual(wanted.filter((address) => address !== 'train.trainer.0'));
    },
    60_000,
  );
});
