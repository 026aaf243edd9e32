import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import { parseRows, parseWeights } from '../../messages/deltas.js';
import { subject } from '../../messages/default-names.testkit.js';
import { mainModel } from '../../messages/model-name.js';
import {
  deltaOf,
  oneSlot,
  rowOf,
  writeDelta,
  writeDeltas,
} from '../../replication/trained-rows.testkit.js';
import { pushTo, ShardWorld, turn, type Shard } from './shard-world.testkit.js';

/** Epoch and number of each delta in the log. */
function written({ log }: ShardWorld): number[][] {
  return log.of(subject.deltaRows(mainModel, 0)).map(({ bytes }) => {
    const { epoch, deltaNumber } = parseRows(decode(bytes), oneSlot.tables);
    return [epoch, deltaNumber];
  });
}

const ownedBy = (owner: number, epoch: number, ...followers: number[]) => ({
  owner,
  epoch,
  followers,
});

async function started(world: ShardWorld, index: number): Promise<Shard> {
  const shard = await world.shard(index);
  await shard.held.start(shard.directory);
  return shard;
}

async function settled(...shards: Shard[]): Promise<void> {
  await turn();
  for (const { held } of shards) await Promise.all(held.all.map((each) => each.settled()));
}

const notOwner = expect.objectContaining({ code: 'NOT_OWNER' });
const fenced = expect.objectContaining({ code: 'FENCED' });

describe('a partition', () => {
  test('that nobody has owned is owned at epoch 1, with a first record in the log', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held, directory } = await started(world, 0);
    const found = held.get(0);
    expect([found.isOwned, found.isAccepting, found.isFollowed]).toEqual([true, true, false]);
    expect(directory.ownerOf(0)).toMatchObject({ owner: 0, epoch: 1 });
    await pushTo(found, 1, { epoch: 1 });
    expect(written(world)).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  test('is owned in a new epoch by the next process of its shard, and has all that was durable', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const first = await started(world, 0);
    await pushTo(first.held.get(0), 1);
    // It does not hear of it, and is not dead after all.
    world.bucket.lagging = true;
    const second = await started(world, 0);
    expect(second.directory.ownerOf(0).epoch).toBe(2);
    expect(rowOf(second.held.get(0).partition, 1)).toEqual([-1, -1]);
    await expect(pushTo(first.held.get(0), 2)).rejects.toMatchObject({ code: 'FENCED' });
  });

  test('tells serving of a change whose owner died before it could, and the next ones too', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const first = await started(world, 0);
    await pushTo(first.held.get(0), 1, { epoch: 1 });
    // Each died between its rows and their weights: the first with a change, the second at its first record.
    await writeDelta(world.log, deltaOf(3, { epoch: 1 }));
    const noRows = { counts: new Uint32Array(1), fids: new Uint32Array(0) };
    const noState = { weights: new Float32Array(0), state: new Float32Array(0) };
    const noUpdates = { updatedAt: new Uint32Array(0), updateCounts: new Uint32Array(0) };
    await writeDelta(world.log, deltaOf(4, { epoch: 2, ...noRows, ...noState, ...noUpdates }));
    await world.name(ownedBy(1, 2));
    await started(world, 1);
    const told = world.log.of(subject.deltaWeights(mainModel, 0)).map(({ bytes }) => {
      const { epoch, deltaNumber } = parseWeights(decode(bytes), oneSlot.tables);
      return [epoch, deltaNumber];
    });
    expect(told).toEqual([
      [1, 1],
      [1, 2],
      [3, 3],
      [3, 4],
      [3, 5],
    ]);
  });

  test('that is followed has what the owner writes, and accepts nothing', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const owner = await started(world, 0);
    const standby = await started(world, 1);
    await pushTo(owner.held.get(0), 1);
    const copy = standby.held.get(0);
    await copy.catchUp();
    expect(rowOf(copy.partition, 1)).toEqual([-1, -1]);
    expect(copy.isFollowed).toBe(true);
    expect(() => copy.owned()).toThrow(notOwner);
    const { epoch, deltaNumber, sequence } = owner.held.get(0).mark;
    expect(copy.mark).toEqual({ epoch, deltaNumber, sequence });
  });

  test('is nothing to a shard that the directory does not name', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 1));
    const { held } = await started(world, 1);
    const found = held.get(0);
    expect([found.isOwned, found.isFollowed]).toEqual([false, false]);
    await expect(found.catchUp()).rejects.toMatchObject({ code: 'NOT_OWNER' });
  });

  test('refuses callers of another epoch', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 4));
    const { held } = await started(world, 0);
    expect(() => held.get(0).owned(4)).toThrow(fenced);
    expect(held.get(0).owned(5)).toBeDefined();
  });
});

describe('a standby that is promoted', () => {
  test('goes on behind the last record of the owner before, which the log refuses from then on', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const owner = await started(world, 0);
    const standby = await started(world, 1);
    await pushTo(owner.held.get(0), 1);
    // The owner does not hear of it.
    world.bucket.lagging = true;
    await world.name(ownedBy(1, 2, 0));
    await standby.held.get(0).heedNow();
    expect(standby.held.get(0).isAccepting).toBe(true);
    expect(standby.directory.ownerOf(0)).toMatchObject({ owner: 1, epoch: 3 });
    await pushTo(standby.held.get(0), 2);
    const late = pushTo(owner.held.get(0), 3);
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    world.bucket.deliver();
    await settled(owner);
    expect(owner.held.get(0).isFollowed).toBe(true);
    await owner.held.get(0).catchUp();
    const digests = [owner, standby].map(({ held }) => held.get(0).partition.rows.digest());
    expect(digests[0]).toBe(digests[1]);
    // The late push is in none of them.
    expect(standby.held.get(0).partition.applied.has(3)).toBe(false);
  });

  test('does not write an earlier epoch into a log that has a later one', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(1, 1));
    await writeDeltas(world.log, 1);
    await writeDelta(world.log, deltaOf(2, { epoch: 9 }));
    const shard = await started(world, 1);
    // It has seen by the log that epochs up to 9 are used, and claimed until it was beyond.
    expect(shard.held.get(0).isAccepting).toBe(true);
    const epochs = written(world).map(([epoch]) => epoch!);
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
    expect(epochs.at(-1)).toBeGreaterThanOrEqual(9);
  });
});

describe('a partition that is released', () => {
  test('accepts nothing, has all that was applied in the log, and goes to who is named', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const owner = await started(world, 0);
    const target = await started(world, 1);
    const done = [pushTo(owner.held.get(0), 1), owner.held.get(0).release()];
    await world.clock.advance(1);
    await Promise.all(done);
    expect(() => owner.held.get(0).owned()).toThrow(notOwner);
    const end = world.log.sequence;
    await world.name(ownedBy(1, 2, 0));
    await settled(owner, target);
    expect(target.held.get(0).partition.applied.has(1)).toBe(true);
    expect(target.held.get(0).isAccepting).toBe(true);
    expect(world.log.sequence).toBeGreaterThan(end);
  });

  test('is released once however often it is asked for', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held } = await started(world, 0);
    await Promise.all([held.get(0).release(), held.get(0).release()]);
    await held.get(0).release();
    expect(held.get(0).isAccepting).toBe(false);
  });

  test('is taken back when nobody is named, at the same epoch, and the order that comes too late is refused', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const owner = await started(world, 0);
    const leader = await world.directory();
    const before = leader.entry(0);
    await owner.held.get(0).release();
    await world.clock.advance(3_000);
    expect(owner.held.get(0).isAccepting).toBe(true);
    await pushTo(owner.held.get(0), 1, { epoch: 1 });
    const late = leader.update(0, { owner: 1, epoch: 2, followers: [0], term: 1 }, before);
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('is not taken back when somebody is named that it has not heard of', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const owner = await started(world, 0);
    await owner.held.get(0).release();
    world.bucket.lagging = true;
    await world.name(ownedBy(1, 2, 0));
    await world.clock.advance(3_000);
    await settled(owner);
    expect(owner.held.get(0).isAccepting).toBe(false);
    expect(owner.held.get(0).isFollowed).toBe(true);
  });

  test('can not be released by who does not own it', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const { held } = await started(world, 1);
    await expect(held.get(0).release()).rejects.toMatchObject({ code: 'NOT_OWNER' });
  });
});

describe('an owner in doubt', () => {
  test('whose lease had run out accepts nothing before the directory has taken its entry', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const { held } = await started(world, 0);
    held.lapsed();
    expect(() => held.get(0).owned()).toThrow(notOwner);
    expect(held.get(0).isOwned).toBe(true);
    await settled({ held } as Shard);
    expect(held.get(0).isAccepting).toBe(true);
  });

  test('waits for a bucket that is away', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const { held, crashes } = await started(world, 0);
    world.bucket.failure = new StarlingError('TIMEOUT', 'away');
    held.lapsed();
    await world.clock.advance(40_000);
    expect([held.get(0).isOwned, held.get(0).isAccepting]).toEqual([true, false]);
    world.bucket.failure = undefined;
    await world.clock.advance(2_000);
    expect([held.get(0).isAccepting, crashes]).toEqual([true, []]);
  });

  test('was replaced while it slept, and finds out before it has accepted anything', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0, 1));
    const owner = await started(world, 0);
    const standby = await started(world, 1);
    world.bucket.lagging = true;
    await world.name(ownedBy(1, 2, 0));
    await standby.held.get(0).heedNow();
    owner.held.lapsed();
    let accepted = false;
    for (let i = 0; i < 10; i++) {
      accepted ||= owner.held.get(0).isAccepting;
      await turn();
    }
    expect([accepted, owner.held.get(0).isFollowed]).toEqual([false, true]);
  });

  test('asks when a caller knows of a later epoch, and believes the directory', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held } = await started(world, 0);
    expect(() => held.get(0).owned(7)).toThrow(fenced);
    expect(() => held.get(0).owned(1)).toThrow(notOwner);
    await settled({ held } as Shard);
    expect(held.get(0).owned(1)).toBeDefined();
  });
});

describe('while rows are exchanged', () => {
  test('pulls and pushes are refused, and what changed is durable afterwards', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held } = await started(world, 0);
    const found = held.get(0);
    await found.whilePaused(async (publisher) => {
      expect(() => found.owned()).toThrow(notOwner);
      await expect(found.release()).rejects.toMatchObject({ code: 'NOT_OWNER' });
      found.partition.apply([deltaOf(1)]);
      publisher.changed();
    });
    await found.settled();
    expect(found.isAccepting).toBe(true);
    expect(written(world)).toHaveLength(2);
  });

  test('by work that fails, the owner goes on', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held } = await started(world, 0);
    const failing = held.get(0).whilePaused(() => Promise.reject(new Error('no such snapshot')));
    await expect(failing).rejects.toThrow('no such snapshot');
    await held.get(0).settled();
    expect(held.get(0).isAccepting).toBe(true);
  });
});

describe('a shard that stops', () => {
  test('has what it applied in the log', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held } = await started(world, 0);
    const found = held.get(0);
    const push = pushTo(found, 1);
    const stopped = held.stop();
    await world.clock.advance(1);
    await Promise.all([push, stopped]);
    expect(written(world)).toHaveLength(2);
    expect(found.isAccepting).toBe(false);
    await held.stop();
  });

  test('does so while the directory is away', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    const { held } = await started(world, 0);
    world.bucket.failure = new StarlingError('TIMEOUT', 'away');
    held.lapsed();
    await turn();
    await held.stop();
  });
});

describe('what no try mends', () => {
  test('ends the process, and nothing is accepted any more', async () => {
    const world = new ShardWorld();
    await world.name(ownedBy(0, 0));
    await writeDelta(world.log, deltaOf(2));
    const shard = await world.shard(0);
    await expect(shard.held.start(shard.directory)).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(shard.crashes).toMatchObject([{ code: 'CORRUPT' }]);
    expect(() => shard.held.get(0).owned()).toThrow(notOwner);
  });
});
