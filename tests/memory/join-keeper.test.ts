import { describe, expect, test } from '@jest/globals';
import { JoinKeeper, requireJoinShares } from '../../cluster/partitions/join-keeper.js';
import { JoinDirectory } from '../../replication/join-directory.js';
import { memoryWorld } from '../support/memory-world.js';

/** Keepers of leaders that follow one another, and what they say; nobody answers but the bucket. */
async function kept() {
  const { time, connect } = memoryWorld(1);
  const bus = connect();
  const directory = await time.run(JoinDirectory.open(bus));
  const told: string[] = [];
  const done: string[] = [];
  const keeperOf = (term: number, snapshot: () => Promise<void> = async () => undefined) =>
    new JoinKeeper({
      ...{ bus, directory, term, snapshot, partitions: 4, joiners: 2 },
      addressOf: (joiner) => `train.joiner.${joiner}`,
      untilHeld: async (joiner, partition) => void done.push(`${partition} at ${joiner}`),
      record: ({ detail }) => void told.push(detail),
    });
  const owners = () => [0, 1, 2, 3].map((partition) => directory.entry(partition)?.owner);
  const terms = () => [0, 1, 2, 3].map((partition) => directory.entry(partition)?.term);
  return { time, keeperOf, owners, terms, told, done };
}

const quiet = () => undefined;

describe('a leader that begins', () => {
  test('leaves partitions where they are, and shuts out the one before', async () => {
    const { time, keeperOf, owners, terms } = await kept();
    const former = keeperOf(1);
    await time.run(former.prepare([0, 1], false));
    expect(owners()).toEqual([0, 1, 0, 1]);
    await time.run(former.moveTo([0, 1, 2], quiet));
    expect(owners()).toEqual([0, 1, 0, 2]);
    await time.run(keeperOf(2).prepare([0, 1, 2], true));
    expect(owners()).toEqual([0, 1, 0, 2]);
    expect(terms()).toEqual([2, 2, 2, 2]);
    await expect(time.run(former.moveTo([0], quiet))).rejects.toMatchObject({ code: 'FENCED' });
    expect(owners()).toEqual([0, 1, 0, 2]);
  });

  test('gives those of a joiner that is not wanted any more to the others, and evens out where none is at work', async () => {
    const { time, keeperOf, owners } = await kept();
    await time.run(keeperOf(1).prepare([0, 1], false));
    await time.run(keeperOf(2).prepare([0], true));
    expect(owners()).toEqual([0, 0, 0, 0]);
    await time.run(keeperOf(3).prepare([0, 1], true));
    expect(owners()).toEqual([0, 0, 0, 0]);
    await time.run(keeperOf(4).prepare([0, 1], false));
    expect(owners()).toEqual([0, 0, 1, 1]);
  });
});

describe('a move', () => {
  test('moves as few as it can, also where nobody answers', async () => {
    const { time, keeperOf, owners, told, done } = await kept();
    const keeper = keeperOf(1);
    await time.run(keeper.prepare([0, 1], false));
    expect(await time.run(keeper.moveTo([0, 1], quiet))).toBe(0);
    expect(await time.run(keeper.moveTo([0, 1, 2, 3], quiet))).toBe(2);
    expect(owners()).toEqual([0, 1, 2, 3]);
    expect(done).toEqual(['2 at 2', '3 at 3']);
    expect(told.filter((text) => text.includes('was not released'))).toHaveLength(2);
  });

  test('is not begun without a snapshot of the windows', async () => {
    const { time, keeperOf, owners } = await kept();
    const keeper = keeperOf(1, () => Promise.reject(new Error('no disk')));
    await time.run(keeper.prepare([0, 1], false));
    await expect(time.run(keeper.moveTo([0], quiet))).rejects.toThrow('no disk');
    expect(owners()).toEqual([0, 1, 0, 1]);
  });

  test('is refused where there are fewer partitions than joiners', () => {
    requireJoinShares(4, 4);
    expect(() => requireJoinShares(5, 4)).toThrow(/joining\.partitions/);
  });
});
