import { afterEach, describe, expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import { actorsOf } from '../../messages/actor-status.js';
import { streamName } from '../../messages/default-names.testkit.js';
import { LiveCluster } from '../support/live-cluster.js';

let live: LiveCluster;
afterEach(() => live.stop());

describe('a partition whose owner is killed', () => {
  test('is served by a standby, and nothing is lost', async () => {
    live = await LiveCluster.start({ standby: 1, supervision: { processes: 'each' } });
    await live.feed(900);
    await live.settled();
    const before = await live.digests();
    const feeding = live.feedOn();
    await new Promise((resolve) => setTimeout(resolve, 500));
    live.signal('train.ps-shard.0', 'SIGKILL');
    await live.until('partitions were promoted', () =>
      live.cluster.status().events.some(({ type }) => type === 'promote'),
    );
    const learnedAt = async () => (await live.appliedSets())[0]!.count;
    const count = await learnedAt();
    await live.until('learning goes on', async () => (await learnedAt()) > count);
    await feeding.stop();
    await live.settled();
    // One that is on its way back to its shard has no owner for a moment.
    await live.until(
      'each partition has an owner',
      async () => (await live.digests()).size === before.size,
    );
    const { lastSequence } = await live.bus.streamState(streamName.samples);
    for (const set of await live.appliedSets()) expect(set.count).toBe(lastSequence);
    // Back among the others, the shard gets its share again.
    await live.until(
      'the partitions are shared again',
      () => live.actor('train.ps-shard.0').partitions?.length === 4,
    );
    await live.feed(300);
    await live.settled();
  }, 120_000);
});

describe('scaling', () => {
  test('refuses what can not be, with the reason, and has joiners share their partitions while events come', async () => {
    live = await LiveCluster.start({ actors: { ranker: 2 }, joining: { partitions: 3 } });
    const scale = (kind: string, count: number) =>
      operate(live.bus, 'scale', { kind, count }, () => undefined);
    await expect(scale('ps-shard', 9)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining("9 ps-shards can't share 8 partitions"),
    });
    await expect(scale('joiner', 4)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('joining.partitions'),
    });
    await expect(scale('gardener', 2)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(scale('serving-shard', 2)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const joined = () =>
      actorsOf(live.cluster.status().actors, 'joiner').map(({ stats }) => stats.partitions);
    const feeding = live.feedOn();
    await scale('joiner', 2);
    expect(joined()).toEqual([[0, 1], [2]]);
    await scale('joiner', 1);
    await feeding.stop();
    expect(joined()).toEqual([[0, 1, 2]]);
    await live.settled();
    await scale('ranker', 1);
    const rankers = live.cluster.status().actors.filter(({ kind }) => kind === 'ranker');
    expect(rankers.map(({ address }) => address)).toEqual(['east.ranker.0']);
  }, 120_000);
});
