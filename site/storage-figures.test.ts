import { describe, expect, test } from '@jest/globals';
import base from '../cluster.config.js';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import { StarlingError } from '../core/base/errors.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { names } from '../messages/default-names.testkit.js';
import type { StoredStream, StoredStreams } from '../runtime/nats/stored-streams.js';
import { StorageFigures } from './storage-figures.js';

const config = parseClusterConfig({ ...base, nats: { storageBytesMax: 100 * 2 ** 20 } });
const mebibyte = 2 ** 20;
const stream = (name: string, cluster: string, mebibytes: number): StoredStream => {
  return { name, cluster, bytes: mebibytes * mebibyte, messageBytesMax: -1 };
};
const streams = [
  stream('RAW_TRAIN', 'train', 50),
  stream('JOIN', 'train', 20),
  stream('RAW_EAST', 'east', 101),
];
const full = (short?: string) => new StarlingError('STORAGE_FULL', 'full', { short });

function figures({
  placed = true,
  answer = async (): Promise<StoredStreams> => ({ streams, bytesMax: undefined }),
}: { placed?: boolean; answer?: () => Promise<StoredStreams> } = {}) {
  const clock = new ManualClock();
  const asked = { count: 0 };
  const storedStreams = (): Promise<StoredStreams> => {
    asked.count++;
    return answer();
  };
  const servers = () =>
    config.dataCenters.map(({ name }) => ({ dataCenter: name, pid: null, url: '' }));
  const watch = new StorageFigures({
    bus: { names, storedStreams },
    config,
    site: { placed, servers },
    clock,
  });
  return { watch, clock, asked };
}

describe('the storage of a data center', () => {
  test('is what its streams take, of what its servers may take', async () => {
    const { watch } = figures();
    await watch.fresh(1_000);
    expect(watch.at('train')).toEqual({ usedBytes: 70 * mebibyte, bytesMax: 100 * mebibyte });
  });

  test('that is used up refuses events', async () => {
    const { watch } = figures();
    await watch.fresh(1_000);
    expect(watch.at('east')).toMatchObject({ usedBytes: 101 * mebibyte, refuses: 'limit' });
  });

  test('whose stream of events is closed lacks disk', async () => {
    const closed = { ...streams[0]!, messageBytesMax: 1 };
    const answer = async () => ({ streams: [closed, streams[2]!], bytesMax: undefined });
    const { watch } = figures({ answer });
    await watch.fresh(1_000);
    expect(watch.at('train')).toMatchObject({ refuses: 'disk' });
    expect(watch.at('east')).toMatchObject({ refuses: 'limit' });
  });

  test('that is away is not known', async () => {
    const { watch } = figures();
    await watch.fresh(1_000);
    expect(watch.at('west')).toBeUndefined();
  });

  test('that writes to its bucket have met the limit of refuses events, until one is stored again', async () => {
    const { watch } = figures({ placed: false });
    await watch.fresh(1_000);
    watch.noteWrite(full('limit'));
    // Data centers share such servers, whose limit nobody knows.
    for (const { name } of config.dataCenters)
      expect(watch.at(name)).toEqual({ usedBytes: 171 * mebibyte, refuses: 'limit' });
    watch.noteWrite(new StarlingError('TIMEOUT', 'late'));
    expect(watch.at('train')).toMatchObject({ refuses: 'limit' });
    watch.noteWrite(full('disk'));
    expect(watch.at('train')).toMatchObject({ refuses: 'disk' });
    watch.noteWrite();
    expect(watch.at('train')).toEqual({ usedBytes: 171 * mebibyte });
  });

  test('where the bucket is says nothing of others', async () => {
    const answer = async () => ({
      streams: [streams[0]!, stream('RAW_EAST', 'east', 1)],
      bytesMax: 0,
    });
    const { watch } = figures({ answer });
    await watch.fresh(1_000);
    watch.noteWrite(full());
    expect(watch.at('train')).toMatchObject({ refuses: 'limit' });
    expect(watch.at('east')).not.toHaveProperty('refuses');
  });

  test('is limited by the account on servers that somebody else has set up', async () => {
    const answer = async () => ({ streams, bytesMax: 170 * mebibyte });
    const { watch } = figures({ placed: false, answer });
    await watch.fresh(1_000);
    expect(watch.at('west')).toEqual({
      usedBytes: 171 * mebibyte,
      bytesMax: 170 * mebibyte,
      refuses: 'limit',
    });
  });
});

describe('the servers', () => {
  test('are asked once in some seconds, however often that is looked at', async () => {
    const { watch, clock, asked } = figures();
    await Promise.all([watch.fresh(1_000), watch.fresh(1_000)]);
    for (let i = 0; i < 10; i++) watch.at('train');
    expect(asked.count).toBe(1);
    clock.jump(5_000);
    watch.at('train');
    expect(asked.count).toBe(2);
  });

  test('that do not answer hold nobody up, and what was known of them is believed for a minute', async () => {
    let answer = async (): Promise<StoredStreams> => ({ streams, bytesMax: undefined });
    const { watch, clock } = figures({ answer: () => answer() });
    await watch.fresh(1_000);
    answer = () => new Promise(() => undefined);
    clock.jump(59_999);
    const waited = watch.fresh(1);
    await clock.advance(1);
    await waited;
    expect(watch.at('train')).toBeDefined();
    clock.jump(1);
    expect(watch.at('train')).toBeUndefined();
  });

  test('that refuse to answer are asked again as late as others', async () => {
    const answer = () => Promise.reject(new StarlingError('UNAVAILABLE', 'away'));
    const { watch, clock, asked } = figures({ answer });
    await watch.fresh(1_000);
    await watch.fresh(1_000);
    expect(watch.at('train')).toBeUndefined();
    expect(asked.count).toBe(1);
    clock.jump(5_000);
    await watch.fresh(1_000);
    expect(asked.count).toBe(2);
  });
});
