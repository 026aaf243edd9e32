import { describe, expect, test } from '@jest/globals';
import { partitionsOfShard, placeActors, type PlacementInput } from './actor-placement.js';

const input: PlacementInput = {
  dataCenters: [
    { name: 'a', role: 'training' },
    { name: 'b', role: 'inference' },
    { name: 'c', role: 'inference' },
  ],
  actors: { 'ps-shard': 2, trainer: 1, joiner: 1, 'serving-shard': 3, ranker: 2, recommender: 1 },
  partitions: 8,
};

describe('placement', () => {
  test('puts training kinds in the training data center and the others in each inference one', () => {
    expect(placeActors(input).map(({ address }) => address)).toEqual([
      'a.joiner.0',
      'a.ps-shard.0',
      'a.ps-shard.1',
      'a.trainer.0',
      'b.serving-shard.0',
      'b.serving-shard.1',
      'b.serving-shard.2',
      'c.serving-shard.0',
      'c.serving-shard.1',
      'c.serving-shard.2',
      'b.ranker.0',
      'b.ranker.1',
      'b.recommender.0',
      'c.ranker.0',
      'c.ranker.1',
      'c.recommender.0',
    ]);
  });

  test('puts all kinds into one that is all', () => {
    const placed = placeActors({
      ...input,
      dataCenters: [{ name: 'main', role: 'all' }],
      actors: { 'ps-shard': 1, 'feature-store': 1, ranker: 1 },
    });
    expect(placed.map(({ address }) => address)).toEqual([
      'main.feature-store.0',
      'main.ps-shard.0',
      'main.ranker.0',
    ]);
  });

  test('every inference data center serves each partition exactly once', () => {
    const specs = placeActors(input);
    for (const [dataCenter, kind] of [
      ['b', 'serving-shard'],
      ['c', 'serving-shard'],
    ]) {
      const owned = specs
        .filter((spec) => spec.dataCenter === dataCenter && spec.kind === kind)
        .flatMap((spec) => spec.partitions ?? []);
      expect(owned.sort((x, y) => x - y)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    }
  });

  test('gives partitions to shards only', () => {
    const specs = placeActors(input);
    expect(partitionsOfShard(1, { count: 3, partitions: 8 })).toEqual([1, 4, 7]);
    expect(specs.find(({ address }) => address === 'c.serving-shard.1')?.partitions).toEqual([
      1, 4, 7,
    ]);
    expect(specs.find(({ address }) => address === 'a.trainer.0')).not.toHaveProperty('partitions');
  });

  test.each<[string, Partial<PlacementInput>]>([
    ['no training data center', { dataCenters: [{ name: 'b', role: 'inference' }] }],
    ['a name with a dot', { dataCenters: [{ name: 'a.b', role: 'training' }] }],
    ['a name twice', { dataCenters: [...input.dataCenters, { name: 'b', role: 'inference' }] }],
    ['a negative count', { actors: { ranker: -1 } }],
    ['a fraction of an actor', { actors: { ranker: 1.5 } }],
    ['more shards than partitions', { actors: { 'ps-shard': 9 } }],
    ['an unknown kind', { actors: { oracle: 1 } as PlacementInput['actors'] }],
  ])('refuses %s', (_, change) => {
    expect(() => placeActors({ ...input, ...change })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
