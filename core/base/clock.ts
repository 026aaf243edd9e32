/**
 * What a protocol needs of time, and no more, so that a test can hold it still. It never jumps: a clock that is set must
 * not look like a silence.
 */
export interface Clock {
  /** Milliseconds since some moment; goes on while this process is stopped. */
  nowMs(): number;
  /** Calls `run` once, `ms` from now, unless what is returned is called before. */
  after(ms: number, run: () => void): () => void;
}

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
