import { afterEach, describe, expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import { codeOf } from '../../core/base/errors.js';
import { decode, encode, refuseErrorReply } from '../../messages/codec.js';
import { pullMessage, pushMessage } from '../../messages/parameters.js';
import { streamName, subject } from '../../messages/default-names.testkit.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { LiveCluster } from '../support/live-cluster.js';

let live: LiveCluster;
afterEach(() => live.stop());

function emptyRequest(partition: number, epoch: number) {
  const { hash, slotCount } = blueprintOf(live.cluster.config);
  return {
    specHash: hash,
    partitions: Uint32Array.of(partition),
    epochs: Uint32Array.of(epoch),
    counts: new Uint32Array(slotCount),
    fids: new Uint32Array(0),
  };
}

/** What a shard answers to a pull and a push that name this epoch. */
async function ask(shard: number, partition: number, epoch: number): Promise<string[]> {
  const rows = emptyRequest(partition, epoch);
  const push = pushMessage({
    ...rows,
    batches: Float64Array.of(1e9 + epoch),
    atSeconds: 1,
    gradients: new Float32Array(0),
    trail: undefined,
  });
  const options = { timeoutMs: 30_000 };
  return Promise.all(
    [
      live.bus.request(subject.pull(shard), encode(pullMessage(rows)), options),
      live.bus.request(subject.push(shard), encode(push), options),
    ].map((reply) =>
      reply
        .then(
          (bytes) => {
            refuseErrorReply(decode(bytes));
            return 'accepted';
          },
          (error: unknown) => codeOf(error),
        )
        .catch((error: unknown) => codeOf(error)),
    ),
  );
}

describe('a partition has one owner', () => {
  test('a paused owner is replaced, and refuses every pull and push when it wakes up', async () => {
    live = await LiveCluster.start({ standby: 1 });
    const directory = await PartitionDirectory.open(live.bus);
    try {
      await live.feed(600);
      await live.settled();
      const [partition] = live.actor('train.ps-shard.0').partitions!;
      const before = directory.ownerOf(partition!);
      expect(before.owner).toBe(0);
      live.signal('train.ps-shard.0', 'SIGSTOP');
      const stopped = live.actor('train.ps-shard.0').pid!;
      await live.until('the standby took over', () => directory.ownerOf(partition!).owner === 1);
      // It takes an epoch of its own behind the one it was promoted with.
      let after = before;
      await live.until('the standby accepts', async () => {
        after = directory.ownerOf(partition!);
        return (await ask(1, partition!, after.epoch)).join() === 'accepted,accepted';
      });
      expect(after.epoch).toBeGreaterThan(before.epoch);
      // Sent while it sleeps: the first thing that it finds when it wakes up.
      const early = [ask(0, partition!, before.epoch), ask(0, partition!, after.epoch)];
      await live.bus.flush();
      process.kill(stopped, 'SIGCONT');
      const answers = (await Promise.all(early)).flat();
      for (let i = 0; i < 5; i++) {
        answers.push(...(await ask(0, partition!, before.epoch)));
        // On a busy machine the other one may lose its lease, and then this one is the owner again.
        const { owner, epoch } = directory.ownerOf(partition!);
        if (owner !== 0) answers.push(...(await ask(0, partition!, after.epoch)));
        else expect(epoch).toBeGreaterThan(after.epoch);
      }
      for (const answer of answers) expect(['FENCED', 'NOT_OWNER']).toContain(answer);
    } finally {
      await directory.stop();
    }
  }, 120_000);

  test('a standby serves after the owner was killed, and nothing is lost', async () => {
    live = await LiveCluster.start({ standby: 1 });
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

describe('scaling parameter servers', () => {
  test('from 2 to 4 to 3 while they are used: no recommendation fails and no batch is lost or doubled', async () => {
    live = await LiveCluster.start();
    await live.feed(600);
    await live.settled();
    const feeding = live.feedOn();
    let answered = 0;
    let failed = 0;
    let recommending = true;
    const recommends = (async () => {
      while (recommending) {
        await live.client.recommend({ user: answered % 200, k: 5 }).then(
          () => answered++,
          () => failed++,
        );
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    const steps: string[] = [];
    for (const count of [4, 3]) {
      await operate(live.bus, 'scale', { kind: 'ps-shard', count }, ({ text }) => steps.push(text));
      const shards = live.cluster.status().actors.filter(({ kind }) => kind === 'ps-shard');
      expect(shards).toHaveLength(count);
      await live.until('each shard tells of its share', () => {
        const owned = live.cluster
          .status()
          .actors.filter(({ kind }) => kind === 'ps-shard')
          .map(({ partitions }) => partitions?.length ?? 0);
        return Math.max(...owned) - Math.min(...owned) <= 1 && owned.reduce((a, b) => a + b) === 8;
      });
    }
    await feeding.stop();
    recommending = false;
    await recommends;
    await live.settled();
    expect(failed).toBe(0);
    expect(answered).toBeGreaterThan(20);
    expect(steps.some((text) => /copied in \d+ ms, pushes paused \d+ ms/.test(text))).toBe(true);
    const { lastSequence } = await live.bus.streamState(streamName.samples);
    for (const set of await live.appliedSets()) expect(set.count).toBe(lastSequence);
    expect((await live.digests()).size).toBe(8);
  }, 180_000);

  test('refuses what can not be, with the reason', async () => {
    live = await LiveCluster.start({ actors: { ranker: 2 } });
    const scale = (kind: string, count: number) =>
      operate(live.bus, 'scale', { kind, count }, () => undefined);
    await expect(scale('ps-shard', 9)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining("9 ps-shards can't share 8 partitions"),
    });
    await expect(scale('joiner', 2)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(scale('gardener', 2)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await scale('ranker', 1);
    const rankers = live.cluster.status().actors.filter(({ kind }) => kind === 'ranker');
    expect(rankers.map(({ address }) => address)).toEqual(['east.ranker.0']);
  }, 120_000);
});
