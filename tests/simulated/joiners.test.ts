import { expect, test } from '@jest/globals';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);

test('a joiner whose disk is lost, and JOIN has lost its beginning, goes on with a snapshot, and the books balance', async () => {
  const world = await SimulatedWorld.start({ seed });
  const { servers, names } = world.cluster;
  const join = servers.stream(names.stream.join);
  // JOIN goes back to where the books go on, too.
  await world.pass(150_000);
  for (let i = 0; i < 2; i++) await world.operate('snapshot', {});
  expect(join.state().firstSequence).toBeGreaterThan(1);
  const before = world.actor('train.joiner.0');
  world.cluster.host('h1').disk.loseWindows();
  world.process('train.joiner.0').kill();
  await world.until('it is back', () => {
    const { epoch, state } = world.actor('train.joiner.0');
    return epoch > before.epoch && state === 'ready';
  });
  await world.pass(10_000);
  expect(await world.wrongAfter(60_000)).toBeUndefined();
  const impressionsOf = ({ stats }: typeof before): number =>
    (stats as { impressions: number }).impressions;
  expect(impressionsOf(world.actor('train.joiner.0'))).toBeGreaterThan(impressionsOf(before));
}, 180_000);
