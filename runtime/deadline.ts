import type { Clock } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';

/**
 * Until when somebody waits for what is done here. Who serves a request and needs others for it gives them a part of
 * what is left, so that what he can still answer is answered in time, and what nobody waits for is not begun.
 */
export class Deadline {
  readonly #endMs: number;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(clock: Pick<Clock, 'nowMs'>, leftMs: number) {
    this.#clock = clock;
    this.#endMs = clock.nowMs() + leftMs;
  }

  /** Not positive once it is over. */
  get leftMs(): number {
    return this.#endMs - this.#clock.nowMs();
  }

  /** Milliseconds for a part of the work: so much of what is left, but not more than it can ever need. */
  share(part: number, msMax = Infinity): number {
    return Math.max(1, Math.min(this.leftMs * part, msMax));
  }

  /** @throws StarlingError TIMEOUT when nobody waits any more. */
  require(what: string): void {
    if (this.leftMs > 0) return;
    throw new StarlingError('TIMEOUT', `${what}: whoever asked does not wait any more.`);
  }
}
