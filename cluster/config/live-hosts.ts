import { sleep } from '../../core/base/clock.js';
import { decodeHost, hostKeys } from '../../messages/hosts.js';
import type { Bus } from '../../runtime/bus/bus.js';

/**
 * Whether any host runs the cluster: one whose key is renewed. The keys of those that were lost are there too, and only time tells them apart.
 */
export async function hasLiveHosts(
  bus: Pick<Bus, 'names' | 'bucketWatch' | 'clock'>,
  leaseMs: number,
): Promise<boolean> {
  const revisions = new Map<string, number>();
  let isRenewed = false;
  let known = false;
  const watch = await bus.bucketWatch(bus.names.bucket, hostKeys, (key, entry) => {
    if (decodeHost(entry.bytes).left) return;
    const before = revisions.get(key);
    revisions.set(key, entry.revision);
    if (known && before !== entry.revision) isRenewed = true;
  });
  known = true;
  try {
    // In the middle of this one's, each of the others has renewed its own.
    for (
      let waitedMs = 0;
      revisions.size > 0 && !isRenewed && waitedMs < leaseMs;
      waitedMs += pollMs
    )
      await sleep(bus.clock, pollMs);
    return isRenewed;
  } finally {
    await watch.stop();
  }
}

const pollMs = 50;
