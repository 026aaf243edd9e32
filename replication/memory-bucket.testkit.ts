import { StarlingError } from '../core/base/errors.js';
import type { Clock } from '../core/base/clock.js';
import { names } from '../messages/default-names.testkit.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { BucketEntry } from '../runtime/bus/records.js';
import { systemClock, systemRandom } from '../runtime/system.js';

interface Watcher {
  readonly pattern: string;
  readonly handler: (key: string, entry: BucketEntry) => void;
}

type BucketBus = Pick<
  Bus,
  | 'names'
  | 'clock'
  | 'random'
  | 'bucketEntry'
  | 'bucketUpdate'
  | 'bucketPut'
  | 'bucketWatch'
  | 'requireBucketLeader'
>;

/** A bucket as NATS keeps it: one revision for all keys, watches that may lag or break, and acknowledgements that get lost. */
export class MemoryBucket implements BucketBus {
  readonly names = names;
  readonly random = systemRandom;
  readonly clock: Clock;
  readonly #entries = new Map<string, BucketEntry>();
  readonly #watchers = new Set<Watcher>();
  readonly #notices: (() => void)[] = [];
  #revision = 0;
  /** What every question meets. */
  failure: StarlingError | undefined;
  /** Changes are made, but the next so many of them are not acknowledged. */
  acknowledgementsLost = 0;
  /** Notices of changes are kept back until `deliver`. */
  lagging = false;

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
  }

  async bucketEntry(_bucket: string, key: string): Promise<BucketEntry | undefined> {
    this.#mayFail();
    return this.#entries.get(key);
  }

  async bucketPut(_bucket: string, key: string, bytes: Uint8Array): Promise<void> {
    this.#mayFail();
    this.#store(key, bytes);
  }

  async bucketUpdate(
    _bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
  ): Promise<number> {
    this.#mayFail();
    const now = this.#entries.get(key)?.revision ?? 0;
    if (now !== revision)
      throw new StarlingError('CONFLICT', `${key} is at revision ${now}, not ${revision}.`);
    const written = this.#store(key, bytes);
    if (this.acknowledgementsLost === 0) return written;
    this.acknowledgementsLost--;
    throw new StarlingError('TIMEOUT', `${key}: no answer.`);
  }

  async bucketWatch(_bucket: string, pattern: string, handler: Watcher['handler']) {
    const watcher = { pattern, handler };
    this.#watchers.add(watcher);
    this.#tellAll(watcher);
    return { stop: async () => void this.#watchers.delete(watcher) };
  }

  async requireBucketLeader(): Promise<void> {
    this.#mayFail();
  }

  /** Watches were interrupted and begin anew: all there is comes once more. */
  replay(): void {
    for (const watcher of this.#watchers) this.#tellAll(watcher);
  }

  /** Whatever lagged comes now, late. */
  deliver(): void {
    for (const notice of this.#notices.splice(0)) notice();
  }

  #store(key: string, bytes: Uint8Array): number {
    const entry = { bytes, revision: ++this.#revision };
    this.#entries.set(key, entry);
    const notice = (): void => {
      for (const { pattern, handler } of this.#watchers)
        if (matches(pattern, key)) handler(key, entry);
    };
    if (this.lagging) this.#notices.push(notice);
    else notice();
    return entry.revision;
  }

  #tellAll({ pattern, handler }: Watcher): void {
    for (const [key, entry] of this.#entries) if (matches(pattern, key)) handler(key, entry);
  }

  #mayFail(): void {
    if (this.failure) throw this.failure;
  }
}

function matches(pattern: string, key: string): boolean {
  const parts = pattern.split('.');
  const tokens = key.split('.');
  if (parts.at(-1) === '>') parts.splice(-1, 1, ...tokens.slice(parts.length - 1).map(() => '*'));
  return (
    parts.length === tokens.length && parts.every((part, i) => part === '*' || part === tokens[i])
  );
}
