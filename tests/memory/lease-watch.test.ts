import { describe, expect, test } from '@jest/globals';
import { LeaseWatch } from '../../cluster/leadership/lease-watch.js';
import { sleep } from '../../core/base/clock.js';
import { clusterBucket } from '../../messages/default-names.testkit.js';
import { memoryWorld } from '../support/memory-world.js';

const leaseMs = 600;
const key = 'lease.train.ps-shard.0';

/** A watch that begins where a first life has the key, which a second one takes a moment later, and renews. */
async function missedWhere(
  options: { readonly holderOf?: (bytes: Uint8Array) => number | undefined },
  between: (watch: LeaseWatch) => void = () => undefined,
): Promise<number[]> {
  const { time, connect } = memoryWorld(1);
  const bus = connect();
  const expiredAtMs: number[] = [];
  const put = (life: number) => bus.bucketPut(clusterBucket, key, Uint8Array.of(life));
  await time.run(
    (async () => {
      await put(1);
      const watch = new LeaseWatch(bus, {
        ...{ keys: 'lease.>', leaseMs, presumeHeld: true, ...options },
        onExpired: () => expiredAtMs.push(bus.clock.nowMs() - startMs),
      });
      await watch.start();
      const startMs = bus.clock.nowMs();
      for (let renewals = 0; renewals < 20; renewals++) {
        await sleep(bus.clock, 150);
        await put(2);
        if (renewals === 0) between(watch);
      }
      await watch.stop();
    })(),
  );
  return expiredAtMs;
}

describe('a life that nobody has seen to renew its lease', () => {
  const holderOf = ([life]: Uint8Array) => life;

  test('is missed, once, although a later one has taken its key', async () => {
    const missed = await missedWhere({ holderOf });
    expect(missed).toHaveLength(1);
    // While the later one waits for the lease of the earlier one to run out.
    expect(missed[0]).toBeGreaterThan(leaseMs);
    expect(missed[0]).toBeLessThan(150 + leaseMs);
  });

  test('is not missed where its end is known, or nobody says whose a lease is', async () => {
    expect(await missedWhere({ holderOf }, (watch) => watch.settle(key, 1))).toEqual([]);
    expect(await missedWhere({ holderOf }, (watch) => watch.settle(key, 2))).toHaveLength(1);
    expect(await missedWhere({})).toEqual([]);
    // It was given back.
    expect(await missedWhere({ holderOf: ([life]) => (life === 1 ? undefined : life) })).toEqual(
      [],
    );
  });
});
