export interface SaverPorts {
  /** Of the network as it is in memory. */
  readonly version: () => number;
  /** Writes all of it into the log. */
  readonly save: () => Promise<void>;
  /** Between two saves, for so long. */
  readonly pause: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
  readonly crash: (error: unknown) => void;
}

/** Small enough for acknowledgements, large enough that a whole state each is cheap. */
const pauseMsMin = 100;
/** Of the time that a save takes, so that saving takes a tenth of all. Too low: a large network does nothing but save itself. Too high: batches wait. */
const pauseRatio = 9;

/** How long nothing is written after something that took so long. */
export function pauseMsAfterSave(tookMs: number): number {
  return Math.max(pauseMsMin, pauseRatio * tookMs);
}

/** Saves the whole network, one save at a time, for as long as somebody waits; whoever comes during one waits for the next. */
export class DenseSaver {
  readonly #ports: SaverPorts;
  #waiting: (() => void)[] = [];
  #saving: Promise<void> | undefined;
  #savedVersion = -1;
  #saves = 0;

  constructor(ports: SaverPorts) {
    this.#ports = ports;
  }

  get saves(): number {
    return this.#saves;
  }

  /** What is in memory is in the log. */
  begin(): void {
    this.#savedVersion = this.#ports.version();
  }

  /** Resolves when all that is in memory now is in the log. */
  durable(): Promise<void> {
    if (this.#savedVersion === this.#ports.version()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#saving ??= this.#run();
    });
  }

  /** Resolves when nobody waits any more. */
  async idle(): Promise<void> {
    await this.#saving;
  }

  async #run(): Promise<void> {
    const { version, save, pause, nowMs, crash } = this.#ports;
    while (this.#waiting.length > 0) {
      const settled = this.#waiting;
      this.#waiting = [];
      const saved = version();
      const startMs = nowMs();
      try {
        await save();
      } catch (error) {
        // Nobody is told that it is durable.
        crash(error);
        return;
      }
      this.#savedVersion = saved;
      this.#saves++;
      // Who came during the save need not wait for another one, where nothing was applied meanwhile.
      if (version() === saved) settled.push(...this.#waiting.splice(0));
      for (const resolve of settled) resolve();
      if (this.#waiting.length > 0) await pause(pauseMsAfterSave(nowMs() - startMs));
    }
    this.#saving = undefined;
  }
}
