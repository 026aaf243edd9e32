import { describe, expect, test } from '@jest/globals';
import { declareBucket, declareStreams } from './declared-streams.js';
import { namesOf } from './cluster-names.js';
import { names, streamName } from './default-names.testkit.js';

const dataCenters = [
  { name: 'train', role: 'training' },
  { name: 'east', role: 'inference' },
  { name: 'west', role: 'inference' },
] as const;

test('each stream has the copies of the data center it is in', () => {
  const replicas = { train: 3, east: 3 };
  const declared = declareStreams(names, { dataCenters, ingestMapped: true, replicas });
  const copies = Object.fromEntries(declared.map((each) => [each.name, each.replicas]));
  expect(copies).toMatchObject({
    [streamName.deltas]: 3,
    [streamName.raw('train')]: 3,
    [streamName.deltasAt('east')]: 3,
    [streamName.raw('west')]: 1,
    [streamName.deltasAt('west')]: 1,
  });
  expect(Object.keys(copies)).toHaveLength(declared.length);
  expect(declareBucket(names, { dataCenters, replicas })).toEqual({
    name: 'CLUSTER',
    cluster: 'train',
    replicas: 3,
  });
});

test('there is one copy where nothing else is said', () => {
  const declared = declareStreams(names, { dataCenters, ingestMapped: true });
  expect(new Set(declared.map(({ replicas }) => replicas))).toEqual(new Set([1]));
  expect(declareBucket(names, { dataCenters }).replicas).toBe(1);
});

test('JOIN reaches as far back as a window remembers, as usual where that is less, and as far as is said', () => {
  const ageOf = (joinMemoryMs: number, joinLogMs?: number): number | undefined => {
    const topology = { dataCenters, ingestMapped: true, joinMemoryMs, joinLogMs };
    const declared = declareStreams(names, topology);
    return declared.find(({ name }) => name === streamName.join)?.maxAgeMs;
  };
  const day = 86_400_000;
  expect([ageOf(0), ageOf(day), ageOf(14 * day)]).toEqual([3 * day, 3 * day, 14 * day]);
  expect(ageOf(14 * day, 8 * day)).toBe(8 * day);
});

describe('a data center that learns and answers', () => {
  const main = { name: 'main', role: 'all' } as const;
  const whole = namesOf('starling', 'main');
  const copies = ['deltasAt', 'featuresAt', 'activityAt', 'settingsAt', 'denseAt'] as const;

  test('has the logs, and no copies of them', () => {
    const declared = declareStreams(whole, { dataCenters: [main], ingestMapped: true });
    expect(declared.filter(({ sources }) => sources)).toEqual([]);
    const all = declared.map(({ name }) => name);
    for (const key of copies) expect(all).toContain(whole.stream[key]('main'));
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(['RAW_MAIN', 'SNAPSHOTS_MAIN', 'DELTAS', 'DENSE']));
  });

  test('is copied like any other where there are more', () => {
    const dataCenters = [main, { name: 'east', role: 'inference' }] as const;
    const declared = declareStreams(whole, { dataCenters, ingestMapped: true });
    const copied = declared.filter(({ sources }) => sources);
    expect(copied.map(({ name }) => name).sort()).toEqual(
      copies.map((key) => whole.stream[key]('east')).sort(),
    );
    expect(copied.every(({ cluster }) => cluster === 'east')).toBe(true);
  });
});
