import { StarlingError, codeOf } from '../core/base/errors.js';
import { sleep, type Clock } from '../core/base/clock.js';

/** Renewals in the time of a lease: two may be lost. */
const renewalsPerLease = 4;

export interface LeaseOptions {
  readonly leaseMs: number;
  /**
   * Writes down that it goes on; takes `leaseMs` at most.
   * @throws StarlingError FENCED when somebody else has it for good: it is not tried again.
   */
  readonly renew: () => Promise<void>;
  /** It had run out `sinceMs` ago and has just been renewed: what is to be done before it counts again. */
  readonly returned?: (sinceMs: number) => Promise<void>;
  /** The first of several renewals in a row that fail. */
  readonly failing?: (error: unknown) => void;
  /** Somebody else has it. */
  readonly lost?: (error: unknown) => void;
  readonly clock: Clock;
}

/**
 * A right that runs out `leaseMs` after its last renewal was sent, by the clock of this process, which goes on while
 * the process is stopped: one that wakes up from a long sleep has nothing until it has renewed. Whoever watches sees a
 * renewal later than it was sent, so a successor is never called while the lease still runs.
 *
 * What a renewal writes, and where, is its holder's to say: the shards, the hosts and the leader of a cluster hold
 * theirs by the same clock.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #clock: Clock;
  #validUntilMs = -Infinity;
  #cancel: (() => void) | undefined;
  #stopped = false;
  #lapses = 0;
  #failing = false;
  #confirming: Promise<boolean> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  get valid(): boolean {
    return this.#clock.nowMs() < this.#validUntilMs;
  }

  /** Times that it ran out and came back. */
  get lapses(): number {
    return this.#lapses;
  }

  /** Resolves when the lease is held for the first time, or lost for good. */
  async start(): Promise<void> {
    while (!this.#stopped && !(await this.#renew())) await sleep(this.#clock, this.#pauseMs);
    this.#schedule();
  }

  /** As `start`, of a lease that its holder has just written in another way. */
  keep(): void {
    this.#validUntilMs = this.#clock.nowMs() + this.#options.leaseMs;
    this.#schedule();
  }

  /**
   * Renews it now: for who is about to do what only its holder may. Those who ask at once share one renewal.
   * @throws StarlingError FENCED when somebody else has it, UNAVAILABLE when it could not be renewed.
   */
  async confirm(): Promise<void> {
    this.#confirming ??= this.#renew().finally(() => (this.#confirming = undefined));
    const isDecided = await this.#confirming;
    if (isDecided && this.valid) return;
    if (isDecided) throw new StarlingError('FENCED', 'somebody else has the lease.');
    throw new StarlingError('UNAVAILABLE', 'the lease could not be renewed.');
  }

  /** It is not renewed any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  get #pauseMs(): number {
    return this.#options.leaseMs / renewalsPerLease;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#pauseMs, () => {
      void this.#renew().then(() => this.#schedule());
    });
  }

  /** Whether that was the end of it: it is held, or lost for good. */
  async #renew(): Promise<boolean> {
    const sentAtMs = this.#clock.nowMs();
    try {
      await this.#options.renew();
      if (!this.valid && this.#validUntilMs > -Infinity) await this.#return();
      this.#validUntilMs = sentAtMs + this.#options.leaseMs;
      this.#failing = false;
      return true;
    } catch (error) {
      if (codeOf(error) === 'FENCED') {
        this.stop();
        this.#validUntilMs = -Infinity;
        this.#options.lost?.(error);
        return true;
      }
      if (!this.#failing) this.#options.failing?.(error);
      this.#failing = true;
      return false;
    }
  }

  async #return(): Promise<void> {
    this.#lapses++;
    await this.#options.returned?.(Math.round(this.#clock.nowMs() - this.#validUntilMs));
  }
}
