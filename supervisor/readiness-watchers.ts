import type { Clock } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';
import type { ActorStatus } from '../messages/actor-status.js';

/** Those who wait until something is as they want it; they look again after every change. */
export class Watchers {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #watchers = new Set<() => void>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Whether `condition` came true within `timeoutMs`. */
  until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (result: boolean): void => {
        cancel();
        this.#watchers.delete(watcher);
        resolve(result);
      };
      const watcher = (): void => {
        if (condition()) settle(true);
      };
      const cancel = this.#clock.after(timeoutMs, () => settle(false));
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /**
   * Resolves when all `actors` are ready, and there are `atLeast` so many.
   * @throws StarlingError TIMEOUT naming those that are late.
   */
  async untilReady(actors: () => ActorStatus[], atLeast: number, timeoutMs: number): Promise<void> {
    const ready = (): boolean => {
      const wanted = actors();
      return wanted.length >= atLeast && wanted.every(({ state }) => state === 'ready');
    };
    if (await this.until(ready, timeoutMs)) return;
    const wanted = actors();
    const late = wanted.filter(({ state }) => state !== 'ready');
    const words = late.map(describe).join(', ') || 'nothing is placed on a host yet';
    const text = `after ${timeoutMs} ms ${late.length} of ${wanted.length} actors are not ready: ${words}`;
    throw new StarlingError('TIMEOUT', text, { addresses: late.map(({ address }) => address) });
  }
}

function describe({ address, state, reason }: ActorStatus): string {
  return reason === undefined ? `${address} (${state})` : `${address} (${state}: ${reason})`;
}
