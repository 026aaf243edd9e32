import { describe, expect, test } from '@jest/globals';
import { PartitionKeeper } from '../../cluster/partitions/partition-keeper.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import { memoryWorld } from '../support/memory-world.js';

/** Keepers of leaders that follow one another, and the directory that they keep. */
async function kept(standby: number) {
  const { time, connect } = memoryWorld(1);
  const bus = connect();
  const directory = await time.run(PartitionDirectory.open(bus));
  const keeperOf = (term: number) =>
    new PartitionKeeper({
      ...{ bus, directory, standby, term },
      partitionCount: 3,
      addressOf: (shard) => `train.ps-shard.${shard}`,
      hostOf: () => undefined,
      record: () => undefined,
    });
  const placed = () => [0, 1, 2].map((partition) => directory.entry(partition));
  const claim = async (partition: number, epoch: number): Promise<void> => {
    const before = directory.entry(partition)!;
    await time.run(directory.update(partition, { ...before, epoch }, before));
  };
  return { time, keeperOf, placed, claim };
}

describe('a leader that begins', () => {
  test('gives new owners new epochs where shards start, as a shard that goes on has taken its own', async () => {
    const { time, keeperOf, placed, claim } = await kept(0);
    const keeper = keeperOf(1);
    await time.run(keeper.prepare([0, 1], false));
    expect(placed()).toMatchObject([
      { owner: 0, epoch: 0 },
      { owner: 1, epoch: 0 },
      { owner: 0, epoch: 0 },
    ]);
    for (const partition of [0, 1]) await claim(partition, 4);
    await time.run(keeper.prepare([0], false));
    expect(placed()).toMatchObject([
      { owner: 0, epoch: 4 },
      { owner: 0, epoch: 5 },
      { owner: 0, epoch: 0 },
    ]);
  });

  test('leaves partitions with shards at work, and copies with none that is not there any more', async () => {
    const { time, keeperOf, placed, claim } = await kept(1);
    await time.run(keeperOf(1).prepare([0, 1, 2], false));
    for (const partition of [0, 1, 2]) await claim(partition, 4);
    expect(placed()).toMatchObject([
      { owner: 0, followers: [1] },
      { owner: 1, followers: [2] },
      { owner: 2, followers: [0] },
    ]);
    const next = keeperOf(2);
    await time.run(next.prepare([0, 1], true));
    expect(placed()).toMatchObject([
      { owner: 0, epoch: 4, followers: [1] },
      { owner: 1, epoch: 4, followers: [0] },
      { owner: 0, epoch: 5, followers: [1] },
    ]);
    expect(await time.run(next.promote(1, 'it died'))).toBe(1);
    expect(placed()[1]).toMatchObject({ owner: 0, epoch: 5 });
  });
});
