import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { HostRecord } from '../../messages/hosts.js';
import { decodeHost, encodeRecord, hostKey } from '../../messages/hosts.js';
import { clusterBucket } from '../../messages/streams.js';
import type { Bus, Stoppable } from '../../runtime/bus.js';
import { within } from '../../runtime/time-limit.js';

/** Renewals in the time of a lease: two may be lost. */
const renewalsPerLease = 4;

export interface HostLeaseOptions {
  readonly bus: Pick<Bus, 'bucketEntry' | 'bucketPut'>;
  readonly record: HostRecord;
  /** Of the run before, by the notes of this host; its key may be taken over at once. */
  readonly lifeBefore: string | undefined;
  readonly leaseMs: number;
  readonly log: (line: string) => void;
}

/** Tells that this host is there, for as long as it runs. */
export class HostLease implements Stoppable {
  readonly #options: HostLeaseOptions;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failing = false;

  private constructor(options: HostLeaseOptions) {
    this.#options = options;
  }

  /** @throws StarlingError CONFLICT when another machine runs under this name. */
  static async take(options: HostLeaseOptions): Promise<HostLease> {
    await requireFreeName(options);
    const lease = new HostLease(options);
    await lease.#write(false);
    lease.#schedule();
    return lease;
  }

  /** Tells that the host leaves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#write(true).catch((error: unknown) => this.#tell(error));
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#renew().then(() => this.#schedule());
    }, this.#options.leaseMs / renewalsPerLease);
  }

  async #renew(): Promise<void> {
    try {
      await this.#write(false);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#tell(error);
      this.#failing = true;
    }
  }

  #write(left: boolean): Promise<void> {
    const { bus, record, leaseMs } = this.#options;
    const key = hostKey(record.name);
    const put = bus.bucketPut(clusterBucket, key, encodeRecord({ ...record, left }));
    // A request that was on its way when its server died is never answered.
    return within(leaseMs, key, put);
  }

  #tell(error: unknown): void {
    this.#options.log(`lease of this host not renewed: ${codeOf(error)}: ${messageOf(error)}`);
  }
}

/** A key that is renewed belongs to somebody. */
async function requireFreeName(options: HostLeaseOptions): Promise<void> {
  const { bus, record, lifeBefore, leaseMs } = options;
  const look = () => bus.bucketEntry(clusterBucket, hostKey(record.name));
  const before = await look();
  if (!before) return;
  const { life, left } = decodeHost(before.bytes);
  if (left || life === lifeBefore) return;
  await new Promise((resolve) => setTimeout(resolve, leaseMs));
  const after = await look();
  if (after?.revision === before.revision) return;
  const text = `another machine is in the cluster as host ${record.name}; each needs a name of its own (--name).`;
  throw new StarlingError('CONFLICT', text, { host: record.name });
}
