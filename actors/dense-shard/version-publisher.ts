/** Between two checkpoints. Too low: DELTAS fills with networks. Too high: time travel finds an old one. */
export const checkpointIntervalMs = 10_000;

export interface PublisherPorts {
  readonly version: () => number;
  /** Tells serving the network as it is now. */
  readonly publish: () => Promise<void>;
  /** Puts it beside the rows, so that both can go back to the same time. */
  readonly checkpoint: () => Promise<void>;
  readonly nowMs: () => number;
}

/** Each version of the network is told to serving once, and one of them now and then kept beside the rows. */
export class VersionPublisher {
  readonly #ports: PublisherPorts;
  #servedVersion = -1;
  #checkpointAtMs = -Infinity;

  constructor(ports: PublisherPorts) {
    this.#ports = ports;
  }

  /** -1: none yet. */
  get servedVersion(): number {
    return this.#servedVersion;
  }

  /** Resolves when serving has been told what there is. */
  async publish(): Promise<void> {
    const { version, publish, checkpoint, nowMs } = this.#ports;
    if (this.#servedVersion === version()) return;
    this.#servedVersion = version();
    await publish();
    if (nowMs() - this.#checkpointAtMs < checkpointIntervalMs) return;
    this.#checkpointAtMs = nowMs();
    await checkpoint();
  }

  /** The next version is kept, however new the last one is: the network has been exchanged. */
  checkpointNext(): void {
    this.#checkpointAtMs = -Infinity;
  }
}
