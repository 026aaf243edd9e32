/** Calls off what was to be run; without effect once it has run. */
export type Cancel = () => void;

/**
 * All that a protocol needs of time, and the only way to it (a lint rule): so a test can hold it still, and a simulation
 * can let a day pass in a minute.
 */
export interface Clock {
  /**
   * Milliseconds since some moment; goes on while this process is stopped, and never jumps: a clock that is set must not
   * look like a silence.
   */
  nowMs(): number;
  /** Whole milliseconds since 1970, as this machine believes. May jump: for what is stored and shown, never for a wait. */
  wallMs(): number;
  /** Calls `run` once, `ms` from now. */
  after(ms: number, run: () => void): Cancel;
  /** Calls `run` once timers and sockets have had their turn. */
  soon(run: () => void): void;
}

export function sleep(clock: Pick<Clock, 'after'>, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** Lets timers and sockets have their turn, in a loop that waits for nothing but what is there already. */
export function turn(clock: Pick<Clock, 'soon'>): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve));
}

/** Calls `run` again and again, `ms` after each time, first `ms` from now. */
export function every(clock: Pick<Clock, 'after'>, ms: number, run: () => void): Cancel {
  let cancel: Cancel = () => undefined;
  const schedule = (): void => {
    cancel = clock.after(ms, () => {
      // Before it runs, as it may call itself off.
      schedule();
      run();
    });
  };
  schedule();
  return () => cancel();
}
