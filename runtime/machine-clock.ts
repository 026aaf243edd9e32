import type { Cancel, Clock } from '../core/base/clock.js';

/** What XState asks of a clock: so the delays of a machine pass by the clock of its host. */
export interface MachineClock {
  setTimeout(run: () => void, ms: number): Cancel;
  clearTimeout(cancel: Cancel): void;
}

export function machineClock(clock: Pick<Clock, 'after'>): MachineClock {
  return { setTimeout: (run, ms) => clock.after(ms, run), clearTimeout: (cancel) => cancel() };
}
