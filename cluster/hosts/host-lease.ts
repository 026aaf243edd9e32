import { sleep } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { HostRecord } from '../../messages/hosts.js';
import { decodeHost, encodeRecord, hostKey } from '../../messages/hosts.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { Lease } from '../../runtime/lease.js';

export interface HostLeaseOptions {
  readonly bus: Pick<Bus, 'names' | 'clock' | 'bucketEntry' | 'bucketPut'>;
  readonly record: HostRecord;
  /** Of the run before, by the notes of this host; its key may be taken over at once. */
  readonly lifeBefore: string | undefined;
  readonly leaseMs: number;
  /** What became of each renewal: whether the servers store what they are given. */
  readonly onWrite?: (error?: unknown) => void;
  readonly log: (line: string) => void;
}

/** Tells that this host is there, for as long as it runs. Its key is its own, so nothing is compared. */
export class HostLease implements Stoppable {
  readonly #options: HostLeaseOptions;
  readonly #lease: Lease;

  private constructor(options: HostLeaseOptions) {
    this.#options = options;
    this.#lease = new Lease({
      clock: options.bus.clock,
      leaseMs: options.leaseMs,
      renew: () => this.#write(false),
      failing: (error) => this.#tell(error),
    });
  }

  /** @throws StarlingError CONFLICT when another machine runs under this name, or another cluster under the name of this one. */
  static async take(options: HostLeaseOptions): Promise<HostLease> {
    await requireFreeName(options);
    const lease = new HostLease(options);
    await lease.#write(false);
    lease.#lease.keep();
    return lease;
  }

  /** Tells that the host leaves. */
  async stop(): Promise<void> {
    this.#lease.stop();
    await this.#write(true).catch((error: unknown) => this.#tell(error));
  }

  async #write(left: boolean): Promise<void> {
    const { bus, record, leaseMs, onWrite } = this.#options;
    const bytes = encodeRecord({ ...record, left });
    try {
      await bus.bucketPut(bus.names.bucket, hostKey(record.name), bytes, { timeoutMs: leaseMs });
    } catch (error) {
      onWrite?.(error);
      throw error;
    }
    onWrite?.();
  }

  #tell(error: unknown): void {
    this.#options.log(`lease of this host not renewed: ${codeOf(error)}: ${messageOf(error)}`);
  }
}

/** A key that is renewed belongs to somebody. */
async function requireFreeName(options: HostLeaseOptions): Promise<void> {
  const { bus, record, lifeBefore, leaseMs } = options;
  const look = () => bus.bucketEntry(bus.names.bucket, hostKey(record.name));
  const before = await look();
  if (!before) return;
  const { life, left } = decodeHost(before.bytes);
  if (left || life === lifeBefore) return;
  await sleep(bus.clock, leaseMs);
  const after = await look();
  if (after?.revision === before.revision) return;
  // Who asks can't tell the two cases apart, and each has its own way out.
  const { cluster } = bus.names;
  const text =
    `the cluster "${cluster}" on these NATS servers has a host ${record.name} already, which is not this process. ` +
    `If that is another cluster, give this one a name of its own (\`name\` in its configuration); ` +
    `if both are machines of one cluster, join with \`starling host --name NAME\`, each with another NAME.`;
  throw new StarlingError('CONFLICT', text, { host: record.name, cluster });
}
