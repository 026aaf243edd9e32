import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from '../../core/config/schema.js';
import { placeActors } from './actor-placement.js';
import { processOf } from './actor-processes.js';

/** Addresses by process. */
function processes(
  count: number | 'each',
  actors: Readonly<Record<string, number>> = {},
): Map<string, string[]> {
  const config = parseClusterConfig({
    features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
    actors,
    supervision: { processes: count },
  });
  const found = new Map<string, string[]>();
  for (const spec of placeActors(config)) {
    const name = processOf(config, spec);
    found.set(name, [...(found.get(name) ?? []), spec.address]);
  }
  return found;
}

describe('the processes of actors', () => {
  test('are two in each data center, and learning is apart from joining', () => {
    const found = processes(2);
    expect([...found.keys()].sort()).toEqual(
      ['east', 'train', 'west'].flatMap((name) => [`${name}.process.0`, `${name}.process.1`]),
    );
    expect(found.get('train.process.0')!.sort()).toEqual([
      'train.dense-shard.0',
      'train.processor.0',
      'train.ps-shard.0',
      'train.trainer.0',
    ]);
    expect(found.get('train.process.1')!.sort()).toEqual([
      'train.feature-store.0',
      'train.joiner.0',
      'train.ps-shard.1',
    ]);
  });

  test('of an inference data center can each answer where there are two of all', () => {
    const counts = { recommender: 2, ranker: 2, 'serving-shard': 2, 'feature-store': 2 };
    const found = processes(2, counts);
    for (const n of [0, 1])
      expect(found.get(`east.process.${n}`)!.map((address) => address.split('.')[1])).toEqual([
        'feature-store',
        'serving-shard',
        'ranker',
        'recommender',
      ]);
  });

  test('stay those of an actor when others come', () => {
    const before = processes(3, { 'ps-shard': 2, ranker: 2 });
    const after = processes(3, { 'ps-shard': 7, ranker: 5 });
    for (const [name, addresses] of before)
      expect(after.get(name)).toEqual(expect.arrayContaining(addresses));
  });

  test('have the names of their actors where each has its own', () => {
    for (const [name, addresses] of processes('each')) expect(addresses).toEqual([name]);
  });
});
