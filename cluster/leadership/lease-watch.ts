import type { Clock } from '../../core/base/clock.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';

/** Looks in the time of a lease. */
const looksPerLease = 6;

interface Renewal {
  readonly atMs: number;
  readonly revision: number;
}

export type LeaseBus = Pick<
  Bus,
  'names' | 'clock' | 'bucketEntry' | 'bucketWatch' | 'requireBucketLeader'
>;

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
 * Notices leases that are not renewed any more. Time counts only while the bucket takes changes and this process runs:
 * while the server restarts, or its copies vote for a leader, nobody can renew, and when this process slept the renewals
 * are yet to be read; neither is the fault of a holder. Nor is it when the server is lost that has told of renewals so
 * far, which takes the client seconds to notice: so the bucket is asked before a holder is given up.
 */
export class LeaseWatch {
  readonly #bus: LeaseBus;
  readonly #options: LeaseWatchOptions;
  readonly #leaseMs: number;
  readonly #renewals = new Map<string, Renewal>();
  #watch: Stoppable | undefined;
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;
  #healthyMs = 0;
  #lookedAtMs: number;
  #stopped = false;

  constructor(bus: LeaseBus, options: LeaseWatchOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#leaseMs = options.leaseMs;
    this.#clock = bus.clock;
    this.#lookedAtMs = this.#clock.nowMs();
  }

  async start(): Promise<void> {
    const { keys, presumeHeld } = this.#options;
    this.#watch = await this.#bus.bucketWatch(this.#bus.names.bucket, keys, (key, { revision }) => {
      // With the time since the last look, which will count: a lease must not seem older here than to its holder.
      this.#renewals.set(key, { atMs: this.#nowMs(), revision });
    });
    if (presumeHeld)
      for (const [key, renewal] of this.#renewals) this.#renewals.set(key, { ...renewal, atMs: 0 });
    else this.#renewals.clear();
    this.#lookedAtMs = this.#clock.nowMs();
    this.#schedule();
  }

  /** Waited for as if it had been renewed just now. */
  presume(key: string): void {
    const revision = this.#renewals.get(key)?.revision ?? 0;
    this.#renewals.set(key, { atMs: this.#nowMs(), revision });
  }

  /** No longer waited for: its holder has left. */
  forget(key: string): void {
    this.#renewals.delete(key);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#watch?.stop();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#leaseMs / looksPerLease, () => {
      void this.#look().then(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    try {
      await this.#bus.requireBucketLeader(this.#bus.names.bucket, this.#leaseMs);
    } catch {
      this.#lookedAtMs = this.#clock.nowMs();
      return;
    }
    this.#healthyMs += this.#sinceLook();
    this.#lookedAtMs = this.#clock.nowMs();
    for (const [key, renewal] of this.#renewals) {
      if (this.#healthyMs - renewal.atMs <= this.#leaseMs) continue;
      if (!(await this.#hasLapsed(key, renewal))) continue;
      this.#renewals.delete(key);
      this.#options.onExpired(key);
    }
  }

  /** Asks the bucket itself; one that can't be asked is asked at the next look. */
  async #hasLapsed(key: string, seen: Renewal): Promise<boolean> {
    let revision: number;
    try {
      const how = { timeoutMs: this.#leaseMs };
      revision = (await this.#bus.bucketEntry(this.#bus.names.bucket, key, how))?.revision ?? 0;
    } catch {
      return false;
    }
    if (this.#renewals.get(key) !== seen) return false; // Renewed, or forgotten, in the meantime.
    if (revision <= seen.revision) return true;
    this.#renewals.set(key, { atMs: this.#nowMs(), revision });
    return false;
  }

  #nowMs(): number {
    return this.#healthyMs + this.#sinceLook();
  }

  /** At most two looks' worth: if this process slept, the renewals of that time are yet to be read. */
  #sinceLook(): number {
    return Math.min(this.#clock.nowMs() - this.#lookedAtMs, (2 * this.#leaseMs) / looksPerLease);
  }
}
