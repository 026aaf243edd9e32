import { beforeAll, expect, test } from '@jest/globals';
import type { StarlingClient } from '../../client/client.js';
import { at } from '../../core/base/columns.js';
import { actorsOf } from '../../messages/actor-status.js';
import { decode } from '../../messages/codec.js';
import { rowCountOf, textsIn } from '../../messages/column-checks.js';
import { parseOutcomes } from '../../messages/outcomes.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { replay } from '../../runtime/followers/follow.js';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);

/** A cluster that does not wait half a minute to learn that nobody bought. */
let world: SimulatedWorld;
let east: StarlingClient;

beforeAll(async () => {
  world = await SimulatedWorld.start({
    seed,
    outcomes: {
      click: { from: ['click', 'purchase'], window: '3s' },
      purchase: { given: 'click', early: '4s', window: '30s' },
    },
    everyMs: Infinity,
  });
  east = world.client('east');
}, 60_000);

/** Of purchases, in the order of the log: item, label and mask. */
async function told(): Promise<string[]> {
  const { names } = world.cluster;
  const bus = world.cluster.connect(world.process('train.trainer.0').process, 'train');
  const found: string[] = [];
  const reading = replay(bus, { stream: names.stream.samples }, ({ bytes }) => {
    const fields = decode(bytes) as Record<string, unknown>;
    const rows = rowCountOf(fields, 'samples');
    const items = textsIn(fields['items'], rows)!;
    const { purchase } = parseOutcomes(fields, 'samples', rows);
    for (let row = 0; purchase && row < rows; row++)
      if (at(purchase.masks, row) > 0)
        found.push(`${at(items, row)} ${purchase.labels[row]} ${at(purchase.masks, row)}`);
  });
  await world.run(reading);
  return found;
}

let other = 0;
/** Event time goes on with what others do. */
async function goOn(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 2) {
    const requestId = `other-${other++}`;
    await world.run(east.ingestImpressions([{ requestId, user: 'other', item: 'i9' }]));
    await world.pass(2_000);
  }
}

test('what is bought late is told as not bought, and then as bought after all; books balance', async () => {
  const requestId = 'r1';
  const impressions = ['i1', 'i2', 'i3'].map((item) => ({ requestId, user: 'u', item }));
  await world.run(east.ingestImpressions(impressions));
  // Of what nobody clicks nothing is learned of buying it.
  await world.run(east.ingestEvents(['i1', 'i2'].map((item) => ({ requestId, item }))));
  await goOn(10);
  expect((await told()).sort()).toEqual(['i1 0 1', 'i2 0 1']);
  await world.run(east.ingestEvents([{ requestId, item: 'i1', type: 'purchase' }]));
  const counted = () => totalsOf(actorsOf(world.status().actors, 'joiner'), ['samples'])!;
  await goOn(36);
  expect((await told()).sort()).toEqual(['i1 0 1', 'i1 1 2', 'i2 0 1']);
  const learned = () => totalsOf(actorsOf(world.status().actors, 'trainer'), ['samples'])!.samples;
  await world.until('all is learned', () => learned() === counted().samples);
  expect(await world.wrongAfter(60_000)).toBeUndefined();
}, 120_000);
