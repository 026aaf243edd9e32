import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { PartitionLog } from '../../actors/ps-shard/partition-log.js';
import { decode } from '../../messages/codec.js';
import type { RowsDelta, WeightsDelta } from '../../messages/deltas.js';
import { parseWeights } from '../../messages/deltas.js';
import { clusterBucket, streamName, subject } from '../../messages/default-names.testkit.js';
import { ShardLease } from '../../replication/shard-lease.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import { replay } from '../../runtime/followers/follow.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { addressOfLease, leaseKeys } from '../../messages/ownership.js';
import { LeaseWatch } from '../../cluster/leadership/lease-watch.js';
import type { MessageServer } from '../support/message-server.js';
import { declareOnly, startMessageServer } from '../support/message-server.js';
import { mainModel } from '../../messages/model-name.js';

let server: MessageServer;
let bus: NatsBus;
const log = pino({ level: 'silent' });

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await declareOnly(bus, [streamName.deltas]);
});
afterAll(() => server.stop());

const slots = [{ slot: 7, dim: 1, stateWidth: 0 }];

function logOf(epoch: number, sequence: number): PartitionLog {
  return new PartitionLog({ bus, log }, { epoch, sequence, slots });
}

function content(partition: number, deltaNumber: number): Omit<RowsDelta, 'epoch'> {
  return {
    specHash: 'abc',
    partition,
    deltaNumber,
    part: 0,
    last: true,
    evictedCounts: new Uint32Array(1),
    evicted: new Uint32Array(0),
    counts: Uint32Array.of(1),
    fids: Uint32Array.of(deltaNumber, 0),
    weights: Float32Array.of(deltaNumber),
    state: new Float32Array(0),
    updatedAt: Uint32Array.of(100),
    updateCounts: Uint32Array.of(1),
    applied: Float64Array.of(deltaNumber),
    resolved: 0,
    trail: undefined,
    appliedAtMs: 0,
    atSeconds: 100,
  };
}

async function weightsOf(partition: number): Promise<WeightsDelta[]> {
  const found: WeightsDelta[] = [];
  const options = { stream: streamName.deltas, filter: subject.deltaWeights(mainModel, partition) };
  await replay(bus, options, ({ bytes }) => {
    found.push(parseWeights(decode(bytes), slots));
  });
  return found;
}

describe('the log of a partition', () => {
  test('takes records from the owner that wrote last, and from no other', async () => {
    const first = logOf(1, 0);
    await first.open(content(0, 1), []);
    await first.append(content(0, 2));
    const second = logOf(2, first.sequence);
    await second.open(content(0, 3), []);
    await expect(first.append(content(0, 3))).rejects.toMatchObject({ code: 'FENCED' });
    await second.append(content(0, 4));
    // Somebody who did not see all there is can't begin.
    const late = logOf(3, first.sequence);
    await expect(late.open(content(0, 3), [])).rejects.toMatchObject({ code: 'FENCED' });
    await first.served();
    await second.served();
    const told = await weightsOf(0);
    expect(told.map(({ epoch, deltaNumber }) => [epoch, deltaNumber])).toEqual([
      [1, 1],
      [1, 2],
      [2, 3],
      [2, 4],
    ]);
  });

  test('tells serving what the owner before could not tell any more, once', async () => {
    const dead = logOf(1, 0);
    await dead.open(content(1, 1), []);
    await dead.append(content(1, 2));
    await dead.served();
    // Its rows reached the log, and it died before their weights did.
    const sequence = await bus.append(subject.deltaRows(mainModel, 1), Uint8Array.of(1), {
      after: { stream: 'DELTAS', sequence: dead.sequence },
    });
    const heir = logOf(2, sequence);
    await heir.open(content(1, 4), [{ ...content(1, 3), epoch: 1 }]);
    await heir.served();
    const next = logOf(3, heir.sequence);
    await next.open(content(1, 5), [{ ...content(1, 4), epoch: 2 }]);
    await next.served();
    const told = await weightsOf(1);
    expect(told.map(({ epoch, deltaNumber }) => [epoch, deltaNumber])).toEqual([
      [1, 1],
      [1, 2],
      [2, 3],
      [2, 4],
      [3, 5],
    ]);
  });

  test('knows a copy of a record whose acknowledgement was lost', async () => {
    const name = subject.deltaRows(mainModel, 2);
    const after = { stream: 'DELTAS', sequence: 0 };
    const options = { messageId: 'one', after };
    const sequence = await bus.append(name, Uint8Array.of(1), options);
    expect(await bus.append(name, Uint8Array.of(1), options)).toBe(sequence);
    await expect(
      bus.append(name, Uint8Array.of(2), { messageId: 'two', after }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('the directory of partitions', () => {
  test('changes by compare-and-set, and everybody hears of it', async () => {
    const one = await PartitionDirectory.open(bus);
    const other = await PartitionDirectory.open(await server.connect());
    const heard: number[] = [];
    other.onChange((partition, { epoch }) => heard.push(partition * 100 + epoch));
    const made = await one.update(5, { owner: 0, epoch: 1, followers: [1], term: 0 }, undefined);
    await one.update(5, { owner: 1, epoch: 2, followers: [0], term: 0 }, made);
    await expect(
      other.update(5, { owner: 2, epoch: 2, followers: [], term: 0 }, made),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(other.ownerOf(5)).toMatchObject({ owner: 1, epoch: 2, followers: [0] });
    expect(heard.at(-1)).toBe(502);
    expect(() => other.ownerOf(6)).toThrow(expect.objectContaining({ code: 'NOT_READY' }));
    await Promise.all([one.stop(), other.stop()]);
  });
});

describe('a lease', () => {
  const crash = (error: unknown): never => {
    throw error;
  };
  const identityOf = (address: string) =>
    ({
      address,
      kind: 'ps-shard',
      dataCenter: 'train',
      index: 0,
      epoch: 1,
      partitions: [],
    }) as const;
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test('is missed by who watches when it is not renewed, and only then', async () => {
    await bus.bucketPut(clusterBucket, 'shape', Uint8Array.of(1));
    const expired: string[] = [];
    const watch = new LeaseWatch(bus, {
      keys: leaseKeys,
      leaseMs: 300,
      presumeHeld: false,
      onExpired: (key) => expired.push(addressOfLease(key)!),
    });
    await watch.start();
    const leases = ['train.ps-shard.0', 'train.ps-shard.1'].map(
      (address) =>
        new ShardLease(
          { bus, log, crash, identity: identityOf(address) },
          300,
          async () => undefined,
        ),
    );
    for (const lease of leases) await lease.start();
    expect(leases.map(({ valid }) => valid)).toEqual([true, true]);
    leases[0]!.stop();
    await until(() => expired.length > 0);
    expect(expired).toEqual(['train.ps-shard.0']);
    // By then its holder had stopped to serve.
    expect(leases.map(({ valid }) => valid)).toEqual([false, true]);
    leases[1]!.stop();
    await watch.stop();
  });

  test('goes to the later life of an address, and the earlier one ends', async () => {
    const crashes: unknown[] = [];
    const lifeOf = (epoch: number) => {
      const identity = { ...identityOf('train.ps-shard.7'), epoch };
      const context = { bus, log, identity, crash: (error: unknown) => void crashes.push(error) };
      return new ShardLease(context, 200, async () => undefined);
    };
    const earlier = lifeOf(1);
    await earlier.start();
    const later = lifeOf(2);
    await later.start();
    await until(() => crashes.length > 0);
    expect(crashes).toMatchObject([{ code: 'FENCED' }]);
    expect(earlier.valid).toBe(false);
    expect(later.valid).toBe(true);
    later.stop();
  });

  test('that ran out counts again only after its holder has looked what happened', async () => {
    const own = await startMessageServer();
    const mine = await own.connect();
    let looked = 0;
    const lease = new ShardLease(
      { bus: mine, log, crash, identity: identityOf('a') },
      200,
      async () => {
        expect(lease.valid).toBe(false);
        looked++;
      },
    );
    await lease.start();
    own.pause();
    await until(() => !lease.valid);
    own.resume();
    await until(() => lease.valid);
    expect(looked).toBe(1);
    expect(lease.lapses).toBe(1);
    lease.stop();
    await own.stop();
  });
});
