import { afterEach, expect, test } from '@jest/globals';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { personKeysOf } from '../../core/features/person-keys.js';
import { isKnown, parsePersonReply, type PersonReply } from '../../messages/person.js';
import { replay } from '../../runtime/followers/follow.js';
import { SimulatedWorld } from '../support/simulated-world.js';

/** Somebody is forgotten while others go on, and whoever has to do with it dies over it. */
const user = 'person-7f3a91';
const visitor = 'visitor-b81e44';
const people = [user, `visitor/${visitor}`];

let world: SimulatedWorld | undefined;
afterEach(() => {
  world = undefined;
});

const ask = async (act: 'find' | 'erase', person = user): Promise<PersonReply> =>
  parsePersonReply(await world!.operate('person', { person, act }));

/** Where a name, or the key of his row, stands in the bytes. */
async function foundIn(streams: readonly string[]): Promise<string[]> {
  const { cluster } = world!;
  const bus = cluster.connect(
    cluster.outsider('reader', () => undefined),
    'train',
  );
  const keys = people.flatMap((person) =>
    personKeysOf(featureSpecOf(cluster.config.features), person).map(({ low, high }) =>
      Buffer.from(Uint32Array.of(low, high).buffer),
    ),
  );
  const sought = [...[user, visitor].map((text) => Buffer.from(text)), ...keys];
  const found = new Set<string>();
  for (const stream of streams)
    await world!.run(
      replay(bus, { stream }, ({ bytes, subject }) => {
        if (sought.some((each) => Buffer.from(bytes).includes(each))) found.add(subject);
      }),
    );
  return [...found];
}

test('nothing of a person is left, whoever dies meanwhile, and he may come back as somebody new', async () => {
  world = await SimulatedWorld.start({ seed: 5, joining: { partitions: 3 } });
  const east = world.client('east');
  const { items, requestId } = await world.run(east.recommend({ user, k: 3 }));
  await world.run(east.ingestUsers([{ user, age: 33, nick: user }]));
  await world.run(
    east.ingestEvents([
      { type: 'click', user, item: items[0]!.item, requestId },
      { type: 'click', visitor, item: 'i1' },
    ]),
  );
  await world.run(east.ingestAliases([{ visitor, user }]));
  await world.pass(3_000);
  const before = await ask('find');
  expect(isKnown(before)).toBe(true);
  expect(before.found.map(({ name }) => name)).toEqual(people);
  await world.operate('snapshot', {});
  const kept = ['FEATURES', 'FEATURES_EAST', 'DELTAS', 'DELTAS_EAST', 'SNAPSHOTS_TRAIN'];
  const trimmed = [...kept, 'FEATURES_WEST', 'DELTAS_WEST', 'SNAPSHOTS_EAST', 'SNAPSHOTS_WEST'];
  expect((await foundIn(kept)).length).toBeGreaterThan(5);

  const erasing = ask('erase').catch((error: unknown) => error);
  await world.pass(150);
  for (const address of ['train.joiner.0', 'train.processor.0', 'train.ps-shard.0']) {
    world.process(address).kill();
    await world.pass(100);
  }
  await erasing;
  // Said again it goes on where it ended.
  const again = await ask('erase');
  expect(again.erasedUntilMs).not.toBeNull();
  const after = await ask('find');
  expect(isKnown(after)).toBe(false);
  expect(after.found[0]!.window.forgottenUntilMs).toBe(again.erasedUntilMs);
  expect(await foundIn(trimmed)).toEqual([]);

  // Of a time before it nothing counts, and what is new does.
  const timestamp = new Date(again.erasedUntilMs! - 1_000).toISOString();
  await world.run(east.ingestEvents([{ type: 'click', user, item: 'i2', timestamp, id: 'late' }]));
  await world.pass(3_000);
  expect(isKnown(await ask('find'))).toBe(false);
  await world.run(east.ingestEvents([{ type: 'click', user, item: 'i3', id: 'new' }]));
  await world.pass(3_000);
  const anew = await ask('find');
  const [found] = anew.found;
  expect(JSON.stringify(found!.stores['east']!.kept)).toContain('i3');
  expect(found!.stores['east']!.attributes).toBeNull();
  for (const audience of world.audiences) audience.stop();
  expect(await world.wrongAfter(30_000)).toBeUndefined();
}, 300_000);
