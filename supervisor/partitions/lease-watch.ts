import { addressOfLease, leaseKeys } from '../../messages/ownership.js';
import { clusterBucket } from '../../messages/streams.js';
import type { Bus, Stoppable } from '../../runtime/bus.js';
import { within } from '../../runtime/within.js';

/** Looks in the time of a lease. */
const looksPerLease = 6;

export type LeaseBus = Pick<Bus, 'bucketEntry' | 'bucketWatch'>;

/**
 * Notices leases that are not renewed any more. Time counts only while the bucket answers and this process runs: when
 * the server restarts nobody can renew, and when this process slept the renewals are yet to be read; neither is the
 * fault of an owner.
 */
export class LeaseWatch {
  readonly #bus: LeaseBus;
  readonly #leaseMs: number;
  readonly #onExpired: (address: string) => void;
  readonly #renewedAtMs = new Map<string, number>();
  #watch: Stoppable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #healthyMs = 0;
  #lookedAtMs = 0;
  #stopped = false;

  /** @param onExpired called once per lapse. */
  constructor(bus: LeaseBus, leaseMs: number, onExpired: (address: string) => void) {
    this.#bus = bus;
    this.#leaseMs = leaseMs;
    this.#onExpired = onExpired;
  }

  async start(): Promise<void> {
    this.#watch = await this.#bus.bucketWatch(clusterBucket, leaseKeys, (key) => {
      const address = addressOfLease(key);
      // With the time since the last look, which will count: a lease must not seem older here than to its holder.
      if (address !== undefined)
        this.#renewedAtMs.set(address, this.#healthyMs + this.#sinceLook());
    });
    // What was there at the start may be of a life long past: only a renewal that is seen counts.
    this.#renewedAtMs.clear();
    this.#lookedAtMs = performance.now();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#watch?.stop();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#look().then(() => this.#schedule());
    }, this.#leaseMs / looksPerLease);
  }

  async #look(): Promise<void> {
    try {
      await within(this.#leaseMs, clusterBucket, this.#bus.bucketEntry(clusterBucket, 'shape'));
    } catch {
      this.#lookedAtMs = performance.now();
      return;
    }
    this.#healthyMs += this.#sinceLook();
    this.#lookedAtMs = performance.now();
    for (const [address, renewedAtMs] of this.#renewedAtMs) {
      if (this.#healthyMs - renewedAtMs <= this.#leaseMs) continue;
      this.#renewedAtMs.delete(address);
      this.#onExpired(address);
    }
  }

  /** At most two looks' worth: if this process slept, the renewals of that time are yet to be read. */
  #sinceLook(): number {
    return Math.min(performance.now() - this.#lookedAtMs, (2 * this.#leaseMs) / looksPerLease);
  }
}
