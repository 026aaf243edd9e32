import type { Clock } from '../../core/base/clock.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { BucketEntry } from '../../runtime/bus/records.js';
import type { Stoppable } from '../../runtime/stoppable.js';

/** Looks in the time of a lease. */
const looksPerLease = 6;

interface Renewal {
  readonly atMs: number;
  readonly revision: number;
  /** As `holderOf` says. */
  readonly holder?: number | undefined;
  /** It was there at the start, and nobody has been seen to renew it since. */
  readonly presumed?: boolean;
}

interface Taken {
  readonly holder: number;
  /** When its lease has run out. */
  readonly endMs: number;
  /** From then on the later one need not wait for it, and has seen to what it left. */
  readonly lateMs: number;
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
  /**
   * Which life of its holder a lease is of; undefined for one that was given back. Where it is told, a presumed holder is missed
   * although a later one has taken its key meanwhile.
   */
  readonly holderOf?: (bytes: Uint8Array) => number | undefined;
  /** Called once per lapse. */
  readonly onExpired: (key: string) => void;
}

/**
 * Notices leases that are not renewed any more. Time counts only while the bucket takes changes and this process runs:
 * while the server restarts, or its copies vote for a leader, nobody can renew, and when this process slept the renewals
 * are yet to be read; neither is the fault of a holder. Nor is it when the server is lost that has told of renewals so
 * far, which takes the client seconds to notice: so the bucket is asked before a holder is given up.
 * It is not asked while it tells of renewals: that is most of the time, and each question wakes two processes.
 */
export class LeaseWatch {
  readonly #bus: LeaseBus;
  readonly #options: LeaseWatchOptions;
  readonly #leaseMs: number;
  readonly #renewals = new Map<string, Renewal>();
  /** By key: presumed holders whose key a later one has taken. */
  readonly #taken = new Map<string, Taken>();
  #watch: Stoppable | undefined;
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;
  #healthyMs = 0;
  /** Since the last look the bucket has told of a change: it takes them, and need not be asked. */
  #hasHeard = false;
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
    this.#watch = await this.#bus.bucketWatch(this.#bus.names.bucket, keys, (key, entry) =>
      this.#renewed(key, entry),
    );
    if (presumeHeld)
      for (const [key, renewal] of this.#renewals)
        this.#renewals.set(key, { ...renewal, atMs: 0, presumed: true });
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
    this.#taken.delete(key);
  }

  /** That life of its holder is over, and whoever has to know it does. */
  settle(key: string, holder: number): void {
    if (this.#taken.get(key)?.holder === holder) this.#taken.delete(key);
    const renewal = this.#renewals.get(key);
    if (renewal?.presumed && renewal.holder === holder)
      this.#renewals.set(key, { ...renewal, presumed: false });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#watch?.stop();
  }

  #renewed(key: string, { bytes, revision }: BucketEntry): void {
    this.#hasHeard = true;
    // With the time since the last look, which will count: a lease must not seem older here than to its holder.
    const atMs = this.#nowMs();
    const holder = this.#options.holderOf?.(bytes);
    const before = this.#renewals.get(key);
    if (
      before?.presumed &&
      before.holder !== undefined &&
      (holder ?? before.holder) !== before.holder
    )
      this.#taken.set(key, {
        holder: before.holder,
        endMs: before.atMs + this.#leaseMs,
        lateMs: atMs + this.#leaseMs,
      });
    this.#renewals.set(key, { atMs, revision, holder });
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#leaseMs / looksPerLease, () => {
      void this.#look().then(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const hasHeard = this.#hasHeard;
    this.#hasHeard = false;
    try {
      if (!hasHeard) await this.#bus.requireBucketLeader(this.#bus.names.bucket, this.#leaseMs);
    } catch {
      this.#lookedAtMs = this.#clock.nowMs();
      return;
    }
    this.#healthyMs += this.#sinceLook();
    this.#lookedAtMs = this.#clock.nowMs();
    for (const [key, { endMs, lateMs }] of this.#taken) {
      if (this.#healthyMs <= endMs) continue;
      this.#taken.delete(key);
      if (this.#healthyMs <= lateMs) this.#options.onExpired(key);
    }
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
