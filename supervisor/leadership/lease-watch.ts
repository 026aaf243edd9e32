import { clusterBucket } from '../../messages/streams.js';
import type { Bus, Stoppable } from '../../runtime/bus.js';
import { within } from '../../runtime/within.js';

/** Looks in the time of a lease. */
const looksPerLease = 6;

export type LeaseBus = Pick<Bus, 'bucketEntry' | 'bucketWatch'>;

export interface LeaseWatchOptions {
  /** Keys that are renewed by whoever holds them. */
  readonly keys: string;
  readonly leaseMs: number;
  /**
   * Whether a lease that is there at the start counts as just renewed, so that its holder is missed if it never renews
   * it; else only who was seen to renew can be missed.
   */
  readonly presumeHeld: boolean;
  /** Called once per lapse. */
  readonly onExpired: (key: string) => void;
}

/**
 * Notices leases that are not renewed any more. Time counts only while the bucket answers and this process runs: when
 * the server restarts nobody can renew, and when this process slept the renewals are yet to be read; neither is the
 * fault of a holder.
 */
export class LeaseWatch {
  readonly #bus: LeaseBus;
  readonly #options: LeaseWatchOptions;
  readonly #leaseMs: number;
  readonly #renewedAtMs = new Map<string, number>();
  #watch: Stoppable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #healthyMs = 0;
  #lookedAtMs = performance.now();
  #stopped = false;

  constructor(bus: LeaseBus, options: LeaseWatchOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#leaseMs = options.leaseMs;
  }

  async start(): Promise<void> {
    this.#watch = await this.#bus.bucketWatch(clusterBucket, this.#options.keys, (key) => {
      // With the time since the last look, which will count: a lease must not seem older here than to its holder.
      this.#renewedAtMs.set(key, this.#healthyMs + this.#sinceLook());
    });
    if (this.#options.presumeHeld)
      for (const key of this.#renewedAtMs.keys()) this.#renewedAtMs.set(key, 0);
    else this.#renewedAtMs.clear();
    this.#lookedAtMs = performance.now();
    this.#schedule();
  }

  /** Waited for as if it had been renewed just now. */
  presume(key: string): void {
    this.#renewedAtMs.set(key, this.#healthyMs + this.#sinceLook());
  }

  /** No longer waited for: its holder has left. */
  forget(key: string): void {
    this.#renewedAtMs.delete(key);
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
    for (const [key, renewedAtMs] of this.#renewedAtMs) {
      if (this.#healthyMs - renewedAtMs <= this.#leaseMs) continue;
      this.#renewedAtMs.delete(key);
      this.#options.onExpired(key);
    }
  }

  /** At most two looks' worth: if this process slept, the renewals of that time are yet to be read. */
  #sinceLook(): number {
    return Math.min(performance.now() - this.#lookedAtMs, (2 * this.#leaseMs) / looksPerLease);
  }
}
