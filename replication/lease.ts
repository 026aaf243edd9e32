import { codeOf, messageOf } from '../core/base/errors.js';
import { encode, protocolVersion } from '../messages/codec.js';
import { clusterBucket } from '../messages/streams.js';
import { leaseKey } from '../messages/ownership.js';
import type { ActorContext } from '../runtime/actor.js';
import { within } from '../runtime/within.js';

/** Renewals in the time of a lease: two may be lost. */
const renewalsPerLease = 4;

/**
 * The right to serve what the directory says one owns. It runs out `leaseMs` after the last renewal was sent, by the
 * clock of this process, which goes on while the process is stopped: one that wakes up from a long sleep refuses until
 * it has renewed and read the directory again. Whoever watches the key sees a renewal later than it was sent, so
 * a successor is never called while the lease still runs.
 *
 * It protects pulls, which would give old rows. Pushes are protected by the log as well: they are answered once they
 * are in it, and the log takes records from one writer only.
 */
export class Lease {
  readonly #context: Pick<ActorContext, 'bus' | 'identity' | 'log'>;
  readonly #leaseMs: number;
  readonly #beforeReturn: () => Promise<void>;
  #validUntilMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #lapses = 0;
  #failing = false;

  /** @param beforeReturn called when a lease that had run out was renewed, before it counts again. */
  constructor(
    context: Pick<ActorContext, 'bus' | 'identity' | 'log'>,
    leaseMs: number,
    beforeReturn: () => Promise<void>,
  ) {
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
    const { bus, identity, log } = this.#context;
    const sentAtMs = performance.now();
    try {
      const bytes = encode({ v: protocolVersion, epoch: identity.epoch });
      const key = leaseKey(identity.address);
      // A request that was on its way when its server died is never answered.
      await within(this.#leaseMs, key, bus.bucketPut(clusterBucket, key, bytes));
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
      if (!this.#failing)
        log.warn({ code: codeOf(error), err: messageOf(error) }, 'lease not renewed');
      this.#failing = true;
      return false;
    }
  }
}
