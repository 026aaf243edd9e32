import type { Clock } from '../../core/base/clock.js';

/** Work that can be stopped between two slices, and then answers with what it has. */
export type Sliced<T> = Generator<undefined, T, boolean>;

/**
 * Gives long walks their slices one at a time, and in between timers, sockets and all other requests theirs: a filter that nothing
 * fits among a million items takes most of a second, in which nobody else was answered. Walks take turns among themselves, so
 * ten of them are ten times as slow, and the one slice that others wait for is no longer.
 */
export class SliceTurns {
  readonly #clock: Pick<Clock, 'nowMs' | 'soon'>;
  readonly #waiting: (() => void)[] = [];
  #isComing = false;

  constructor(clock: Pick<Clock, 'nowMs' | 'soon'>) {
    this.#clock = clock;
  }

  /** The first slice at once: most walks need no more. @param leftMs after which it stops. */
  async run<T>(walk: Sliced<T>, leftMs: number): Promise<T> {
    const endMs = this.#clock.nowMs() + leftMs;
    for (;;) {
      const { done, value } = walk.next(this.#clock.nowMs() >= endMs);
      if (done) return value;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.#come();
      });
    }
  }

  #come(): void {
    if (this.#isComing) return;
    this.#isComing = true;
    this.#clock.soon(() => {
      this.#isComing = false;
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#come();
    });
  }
}
