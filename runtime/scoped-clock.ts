import type { Cancel, Clock } from '../core/base/clock.js';

/**
 * The clock of one actor among others in a process. Where it is ended nothing that was to run by it runs any more, as if
 * the process had ended: of an actor that has left, nothing acts on.
 */
export class ScopedClock implements Clock {
  readonly #clock: Clock;
  readonly #pending = new Set<Cancel>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(ms: number, run: () => void): Cancel {
    if (this.#ended) return () => undefined;
    const cancel = this.#clock.after(ms, () => {
      this.#pending.delete(callOff);
      run();
    });
    const callOff = (): void => {
      this.#pending.delete(callOff);
      cancel();
    };
    this.#pending.add(callOff);
    return callOff;
  }

  soon(run: () => void): void {
    this.#clock.soon(() => {
      if (!this.#ended) run();
    });
  }

  end(): void {
    this.#ended = true;
    for (const cancel of [...this.#pending]) cancel();
  }
}
