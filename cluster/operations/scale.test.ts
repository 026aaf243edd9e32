import { expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { names } from '../../messages/default-names.testkit.js';
import { systemClock } from '../../runtime/system.js';
import { Scale, type ActorCounts } from './scale.js';

test('who has partitions that could not be moved stays, whatever else is scaled', async () => {
  const config = parseClusterConfig({
    features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
    actors: { joiner: 2, 'ps-shard': 2 },
    partitions: 4,
  });
  const placed: ActorCounts[] = [];
  let isStuck = true;
  const moved = { moveTo: () => Promise.resolve(0) };
  const scale = new Scale(
    {
      config,
      bus: { names, clock: systemClock, bucketPut: () => Promise.resolve() },
      view: {
        hosts: () => [],
        until: () => Promise.resolve(true),
        untilReady: async () => undefined,
      },
      place: async (counts) => void placed.push(counts),
      keeper: moved,
      joins: {
        moveTo: () =>
          isStuck
            ? Promise.reject(new StarlingError('NO_RESPONDERS', 'nobody is there.'))
            : moved.moveTo(),
      },
      record: () => undefined,
    },
    config.actors,
  );
  const to = (kind: 'joiner' | 'ps-shard', count: number) =>
    scale.to({ operation: 'o', kind, count }, () => undefined);
  await expect(to('joiner', 1)).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
  await to('ps-shard', 3);
  expect(placed.at(-1)).toMatchObject({ joiner: 2, 'ps-shard': 3 });
  // A restart has what was asked for.
  expect(scale.counts).toMatchObject({ joiner: 1, 'ps-shard': 3 });
  isStuck = false;
  await to('joiner', 1);
  expect(placed.at(-1)).toMatchObject({ joiner: 1, 'ps-shard': 3 });
});
