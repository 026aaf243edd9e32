import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import { decodeLease, leaseKey } from '../messages/ownership.js';
import { MemoryBucket } from './memory-bucket.testkit.js';
import { ShardLease } from './shard-lease.js';

const leaseMs = 60_000;
const log = pino({ level: 'silent' });

function lifeOf(bus: MemoryBucket, epoch: number, ended?: number) {
  const crashes: unknown[] = [];
  const identity = {
    ...{ address: 'train.ps-shard.0', kind: 'ps-shard' as const, dataCenter: 'train' },
    ...{ index: 0, epoch, partitions: [] },
    ...(ended === undefined ? {} : { ended }),
  };
  const context = { bus, identity, log, crash: (error: unknown) => void crashes.push(error) };
  const lease = new ShardLease(context, leaseMs, async () => undefined);
  return { lease, crashes };
}

async function holder(bus: MemoryBucket): Promise<number> {
  const found = await bus.bucketEntry('CLUSTER', leaseKey('train.ps-shard.0'));
  return decodeLease(found!.bytes).epoch;
}

describe('the lease of a shard', () => {
  test('is taken over from an earlier life, which ends when it renews', async () => {
    const bus = new MemoryBucket();
    const [earlier, later] = [lifeOf(bus, 1), lifeOf(bus, 2)];
    await earlier.lease.start();
    await later.lease.start();
    expect(later.lease.valid).toBe(true);
    expect(await holder(bus)).toBe(2);
    const revived = lifeOf(bus, 1);
    await revived.lease.start();
    expect(revived.crashes).toMatchObject([{ code: 'FENCED' }]);
    expect(revived.lease.valid).toBe(false);
    expect(await holder(bus)).toBe(2);
    for (const { lease } of [earlier, later]) lease.stop();
  });

  test('says when no earlier life may serve any more: one whose end nobody saw has its time', async () => {
    const isAlone = async (lease: ShardLease): Promise<boolean> => {
      const later = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 5));
      return Promise.race([lease.alone().then(() => true), later]);
    };
    const bus = new MemoryBucket(new ManualClock());
    const first = lifeOf(bus, 1);
    await first.lease.start();
    expect(await isAlone(first.lease)).toBe(true);
    const unseen = lifeOf(bus, 2);
    await unseen.lease.start();
    expect(await isAlone(unseen.lease)).toBe(false);
    const seen = lifeOf(bus, 3, 2);
    await seen.lease.start();
    expect(await isAlone(seen.lease)).toBe(true);
    await seen.lease.resign();
    const last = lifeOf(bus, 4);
    await last.lease.start();
    expect(await isAlone(last.lease)).toBe(true);
    for (const { lease } of [first, unseen, last]) lease.stop();
  });

  test('that the same life has written already, and did not hear so, is taken', async () => {
    const bus = new MemoryBucket();
    const first = lifeOf(bus, 3);
    await first.lease.start();
    const again = lifeOf(bus, 3);
    await again.lease.start();
    expect([first.crashes, again.crashes]).toEqual([[], []]);
    expect(again.lease.valid).toBe(true);
    for (const { lease } of [first, again]) lease.stop();
  });
});
