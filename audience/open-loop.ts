export interface OpenLoopOptions {
  readonly perSecond: number;
  /** Of runs at once; what comes due beyond them is skipped. */
  readonly inFlightMax: number;
  /** It never throws. */
  readonly run: () => Promise<void>;
  readonly skipped: (count: number) => void;
}

/** What came due while the process was held up is skipped beyond this many milliseconds of it. */
const catchUpMsMax = 1_000;

/** Runs something at its rate whether or not the last ones have ended, as people come to a site. */
export class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #inFlight = new Set<Promise<void>>();
  #pacing: NodeJS.Timeout | undefined;
  #beganMs = 0;
  /** Run or skipped. */
  #settled = 0;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  start(): void {
    this.#beganMs = performance.now();
    const tickMs = Math.min(100, Math.max(5, 500 / this.#options.perSecond));
    this.#pacing = setInterval(() => this.#tick(), tickMs);
  }

  /** Resolves when what is in flight has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#pacing);
    await Promise.all(this.#inFlight);
  }

  #tick(): void {
    const { perSecond, inFlightMax, skipped } = this.#options;
    const due = Math.floor(((performance.now() - this.#beganMs) * perSecond) / 1000);
    const held = Math.max(0, due - this.#settled - Math.ceil((perSecond * catchUpMsMax) / 1000));
    skipped(held);
    this.#settled += held;
    for (; this.#settled < due; this.#settled++) {
      if (this.#inFlight.size >= inFlightMax) skipped(1);
      else this.#track(this.#options.run());
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }
}
