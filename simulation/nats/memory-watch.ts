import type { BucketEntry } from '../../runtime/bus/records.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { MemoryBucket, Watcher } from './memory-bucket.js';
import type { MemoryBus } from './memory-bus.js';

const openMsMax = 4_000;
const againMs = 1_000;

/** Watches keys of a bucket; where the way to it breaks all there is comes once more. */
export class MemoryWatch implements Stoppable {
  readonly #bus: MemoryBus;
  readonly #dataCenter: string;
  readonly #bucket: MemoryBucket;
  readonly #pattern: string;
  readonly #handler: (key: string, entry: BucketEntry) => void;
  #watcher: Watcher | undefined;
  #stopped = false;

  constructor(
    bus: MemoryBus,
    dataCenter: string,
    bucket: MemoryBucket,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ) {
    this.#bus = bus;
    this.#dataCenter = dataCenter;
    this.#bucket = bucket;
    this.#pattern = pattern;
    this.#handler = handler;
  }

  /** Resolves when all there is has been handed over: the answer comes behind it. */
  async open(): Promise<void> {
    await this.#bus.ask(this.#dataCenter, openMsMax, `watch of ${this.#pattern}`, () => {
      this.#forget();
      const watcher: Watcher = {
        connection: this.#bus,
        pattern: this.#pattern,
        take: (key, entry) => {
          if (!this.#stopped && this.#watcher === watcher) this.#handler(key, entry);
        },
        broken: () => this.#bus.process.after(againMs, () => this.reopen()),
      };
      this.#watcher = watcher;
      this.#bucket.watch(watcher);
    });
  }

  reopen(): void {
    if (this.#stopped || this.#bus.closed) return;
    this.open().catch(() => this.#bus.process.after(againMs, () => this.reopen()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#forget();
  }

  #forget(): void {
    if (this.#watcher) this.#bucket.unwatch(this.#watcher);
  }
}
