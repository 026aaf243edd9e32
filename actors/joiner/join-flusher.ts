import type { JoinOutput } from '../../core/joining/types.js';

/** Rows observed since the last drain beyond which reading waits: bounds what one transaction holds. */
export const undrainedRowsMax = 20_000;

export interface FlusherPorts {
  readonly drain: () => JoinOutput;
  /** Makes the output durable, with the record it goes up to. */
  readonly commit: (output: JoinOutput, consumed: number) => Promise<void>;
  readonly publish: () => Promise<void>;
  /** What has arrived in this turn of the event loop comes in first. */
  readonly turn: () => Promise<void>;
  readonly crash: (error: unknown) => void;
}

/**
 * Commits and publishes what the window has made: one flush at a time, and what is observed meanwhile goes with the next, so
 * that batches grow with the load.
 */
export class JoinFlusher {
  readonly #ports: FlusherPorts;
  #consumed = 0;
  #published: number;
  #undrainedRows = 0;
  #dirty = false;
  #flushing: Promise<void> | undefined;
  #stopped = false;

  /** @param published the record that is behind the last flush, of an earlier life. */
  constructor(ports: FlusherPorts, published: number) {
    this.#ports = ports;
    this.#published = published;
  }

  /** All that came of the records up to here is in SAMPLES. */
  get published(): number {
    return this.#published;
  }

  /** The window has taken in a record. Resolves at once, or after the flush under way where too much is waiting. */
  async observed(consumed: number, rows: number): Promise<void> {
    this.#consumed = consumed;
    this.#undrainedRows += rows;
    this.#dirty = true;
    this.#flushSoon();
    if (this.#undrainedRows > undrainedRowsMax) await this.#flushing;
  }

  /** Resolves when all that was observed is committed and published. */
  async settled(): Promise<void> {
    while (this.#dirty || this.#flushing) {
      this.#flushSoon();
      await this.#flushing;
    }
  }

  /** Ends what is under way and begins nothing more: what is left is in JOIN. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#flushing;
  }

  #flushSoon(): void {
    this.#flushing ??= this.#flush()
      .catch(this.#ports.crash)
      .finally(() => {
        this.#flushing = undefined;
        if (this.#dirty && !this.#stopped) this.#flushSoon();
      });
  }

  async #flush(): Promise<void> {
    const { turn, drain, commit, publish } = this.#ports;
    await turn();
    this.#dirty = false;
    this.#undrainedRows = 0;
    const consumed = this.#consumed;
    await commit(drain(), consumed);
    await publish();
    this.#published = consumed;
  }
}
