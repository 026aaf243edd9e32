import { beforeAll, expect, test } from '@jest/globals';
import type { StarlingClient } from '../../client/client.js';
import { actorsOf } from '../../messages/actor-status.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { decode } from '../../messages/codec.js';
import { textsIn } from '../../messages/column-checks.js';
import { lettersOf, samplesAgain, type FoundLetter } from '../../operations/dead-letters.js';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);

/** A cluster that looks at prices as they are, and an item of which somebody says that it costs −3·10³⁸. */
let world: SimulatedWorld;
let east: StarlingClient;

beforeAll(async () => {
  world = await SimulatedWorld.start({
    seed,
    features: { price: { entity: 'item', kind: 'dense', normalisation: 'none' } },
    everyMs: Infinity,
  });
  east = world.client('east');
  const price = (item: string, value: number) => ({ item, price: value });
  await world.run(
    east.ingestItems([price('i1', 1), price('i2', 2), price('i3', 0.5), price('wild', -3e38)]),
  );
  await world.pass(2_000);
}, 60_000);

const trained = () =>
  totalsOf(actorsOf(world.status().actors, 'trainer'), ['samples', 'deadLettered', 'retried'])!;
const bus = () => world.cluster.connect(world.process('train.trainer.0').process, 'train');
const letters = () => world.run(lettersOf(bus()));

/** Of what became of all that joiners have made. */
const unlearned = () => {
  const made = totalsOf(actorsOf(world.status().actors, 'joiner'), ['samples'])!.samples;
  return made - trained().samples - trained().deadLettered;
};
/** Of their own accord: such events are learned with the features of the moment, against items that are drawn. */
const like = (user: string, item: string) => world.run(east.ingestEvents([{ user, item }]));
const itemsIn = ({ content }: FoundLetter) =>
  textsIn((decode(content as Uint8Array) as { items: unknown }).items, 1);

test('a sample that nobody can learn is a dead letter, and all around it are learned', async () => {
  for (const item of ['i1', 'i2', 'i3', 'i1', 'i2', 'i3']) await like(`u-${item}`, item);
  await like('u-wild', 'wild');
  await world.until('it is a dead letter', () => trained().deadLettered === 1);
  await world.until('all else is learned', () => unlearned() === 0);
  await world.until('an alarm says it', ({ alarms }) => alarms?.length === 1);
  expect(trained()).toMatchObject({ deadLettered: 1, retried: 0 });
  const told = await letters();
  expect(told).toMatchObject([{ code: 'NOT_FINITE', events: 1, isSamples: true }]);
  expect(told.map(itemsIn)).toEqual([['wild']]);
  expect(world.status().alarms).toMatchObject([{ name: 'samples' }]);
  expect(world.status().events.map(({ type }) => type)).toContain('alarm');
  expect(await world.wrongAfter(60_000)).toBeUndefined();
}, 120_000);

test('it can be told again, once; what still can not be learned is another letter', async () => {
  expect(await world.run(samplesAgain(bus(), await letters()))).toBe(1);
  await world.until('it was tried again', () => trained().deadLettered === 2);
  const told = await letters();
  expect(told.map(({ code, isSamples }) => [code, isSamples])).toEqual([
    ['NOT_FINITE', true],
    ['NOT_FINITE', true],
  ]);
  expect(await world.run(samplesAgain(bus(), told.slice(0, 1)))).toBe(0);
  expect(await world.wrongAfter(60_000)).toBeUndefined();
}, 120_000);
