import { expect, test } from '@jest/globals';
import { featureSpecOf } from './feature-spec.js';
import { personKeysOf } from './person-keys.js';
import { createTransform } from './transform.js';

test('rows of a person are those of slots that have his id, as the transform makes them, and none that he shares', () => {
  const id = (entity: 'user' | 'item', source: string) => {
    return { entity, kind: 'id', source } as const;
  };
  const features = {
    ...{ user: id('user', 'user'), again: id('user', 'user'), town: id('user', 'town') },
    item: id('item', 'item'),
  };
  const spec = featureSpecOf(features);
  const keys = personKeysOf(spec, 'u-1');
  expect(keys.map(({ slot }) => spec.slots.find(({ id }) => id === slot)!.name).sort()).toEqual([
    'again',
    'user',
  ]);
  const { fids } = createTransform(spec).encodeEntity('user', 'u-1', {});
  for (const { low, high } of keys) expect([...fids].join()).toContain(`${low},${high}`);
});
