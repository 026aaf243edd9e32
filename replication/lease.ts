import { codeOf, messageOf } from '../core/base/errors.js';
import { clusterBucket } from '../messages/streams.js';
import { decodeLease, encodeLease, fenced, leaseKey } from '../messages/ownership.js';
import type { ActorContext } from '../runtime/actor.js';
import { within } from '../runtime/time-limit.js';

/** Renewals in the time of a lease: two may be lost. */
const renewalsPerLease = 4;

export type LeaseContext = Pick<ActorContext, 'bus' | 'identity' | 'log' | 'crash'>;

/**
 * The right to serve what the directory says one owns. It runs out `leaseMs` after the last renewal was sent, by the
 * clock of this process, which goes on while the process is stopped: one that wakes up from a long sleep refuses until
 * it has renewed and read the directory again. Whoever watches the key sees a renewal later than it was sent, so
 * a successor is never called while the lease still runs.
 *
 * The key names the epoch of its holder and is changed by compare-and-set: where two lives of one address run, because
 * a host was taken for lost and was not, the earlier one finds out at its next renewal, and ends.
 *
 * It protects pulls, which would give old rows. Pushes are protected by the log as well: they are answered once they
 * are in it, and the log takes records from one writer only.
 */
export class Lease {
  readonly #context: LeaseContext;
  readonly #leaseMs: number;
  readonly #beforeReturn: () => Promise<void>;
  #validUntilMs = -Infinity;
  #revision = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #lapses = 0;
  #failing = false;

  /** @param beforeReturn called when a lease that had run out was renewed, before it counts again. */
  constructor(context: LeaseContext, leaseMs: number, beforeReturn: () => Promise<void>) {
    this.#context = context;
    this.#leaseMs = leaseMs;
    this.#beforeReturn = beforeReturn;
  }

  get valid(): boolean {
    return performance.now() < this.#validUntilMs;
  }

  /** Times that it ran out. */
  get lapses(): number {
    return this.#lapses;
  }

  /** Resolves when the lease is held for the first time. */
  async start(): Promise<void> {
    while (!(await this.#renew()))
      await new Promise((resolve) => setTimeout(resolve, this.#leaseMs / renewalsPerLease));
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#renew().then(() => this.#schedule());
    }, this.#leaseMs / renewalsPerLease);
  }

  async #renew(): Promise<boolean> {
    const { log } = this.#context;
    const sentAtMs = performance.now();
    try {
      await this.#write();
      if (!this.valid && this.#validUntilMs > 0) {
        this.#lapses++;
        const sinceMs = Math.round(performance.now() - this.#validUntilMs);
        log.warn({ sinceMs }, 'lease had run out');
        await this.#beforeReturn();
      }
      this.#validUntilMs = sentAtMs + this.#leaseMs;
      this.#failing = false;
      return true;
    } catch (error) {
      if (codeOf(error) === 'FENCED') {
        this.stop();
        this.#validUntilMs = -Infinity;
        this.#context.crash(error);
        return true;
      }
      if (!this.#failing)
        log.warn({ code: codeOf(error), err: messageOf(error) }, 'lease not renewed');
      this.#failing = true;
      return false;
    }
  }

  /** @throws StarlingError FENCED when a later life of this address holds the lease. */
  async #write(): Promise<void> {
    const { bus, identity } = this.#context;
    const key = leaseKey(identity.address);
    const bytes = encodeLease({ epoch: identity.epoch });
    try {
      const written = bus.bucketUpdate(clusterBucket, key, bytes, this.#revision);
      // A request that was on its way when its server died is never answered.
      this.#revision = await within(this.#leaseMs, key, written);
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      // An earlier life had it, or this one did and did not hear so.
      const found = await within(this.#leaseMs, key, bus.bucketEntry(clusterBucket, key));
      const { epoch } = found ? decodeLease(found.bytes) : { epoch: 0 };
      if (epoch > identity.epoch) {
        const text = `${identity.address} has a later life, of epoch ${epoch}; this one is of epoch ${identity.epoch}.`;
        throw fenced(text, { address: identity.address, epoch });
      }
      this.#revision = found?.revision ?? 0;
      await within(
        this.#leaseMs,
        key,
        bus.bucketUpdate(clusterBucket, key, bytes, this.#revision).then((revision) => {
          this.#revision = revision;
        }),
      );
    }
  }
}
