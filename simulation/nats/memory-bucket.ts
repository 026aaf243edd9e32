import { StarlingError } from '../../core/base/errors.js';
import type { BucketEntry } from '../../runtime/bus/records.js';
import type { Connection, MemoryServers } from './memory-servers.js';
import { matchesSubject } from './subject-pattern.js';

export interface Watcher {
  readonly connection: Connection;
  readonly pattern: string;
  take(key: string, entry: BucketEntry): void;
  /** Something on the way to it was lost. */
  broken(): void;
}

interface Version {
  readonly entry: BucketEntry;
  readonly atMs: number;
}

/** No copy is further behind. */
const lagMsMax = 10_000;

/** A bucket as NATS keeps it: one revision for all keys. */
export class MemoryBucket {
  readonly #servers: MemoryServers;
  readonly #dataCenter: string;
  /** The newest last, and before it those that a copy may still have. */
  readonly #versions = new Map<string, Version[]>();
  readonly #watchers = new Set<Watcher>();
  readonly #listeners: ((key: string) => void)[] = [];
  #revision = 0;
  /** The disk of its server is full: no change is taken. */
  full = false;

  constructor(servers: MemoryServers, dataCenter: string) {
    this.#servers = servers;
    this.#dataCenter = dataCenter;
  }

  /** Hears of every change. */
  onPut(listener: (key: string) => void): void {
    this.#listeners.push(listener);
  }

  /** @param behindMs as a copy has it that lags so much. */
  get(key: string, behindMs = 0): BucketEntry | undefined {
    const beforeMs = this.#servers.time.nowMs - behindMs;
    return this.#versions.get(key)?.findLast(({ atMs }) => atMs <= beforeMs)?.entry;
  }

  /** @throws StarlingError STORAGE_FULL */
  put(key: string, bytes: Uint8Array): number {
    if (this.full) {
      const text = `key ${key}: the storage of the NATS server is used up.`;
      throw new StarlingError('STORAGE_FULL', text, { short: 'limit' });
    }
    const entry = { bytes, revision: ++this.#revision };
    this.#keep(key, entry);
    this.#servers.note(`key ${key} at ${entry.revision}`, bytes);
    for (const watcher of this.#watchers) this.#tell(watcher, key, entry);
    for (const listener of this.#listeners) listener(key);
    return entry.revision;
  }

  /** @throws StarlingError CONFLICT */
  update(key: string, bytes: Uint8Array, revision: number): number {
    const now = this.get(key)?.revision ?? 0;
    if (now === revision) return this.put(key, bytes);
    throw new StarlingError('CONFLICT', `${key} is at revision ${now}, not ${revision}.`);
  }

  /** Tells all there is, and from then on what changes. */
  watch(watcher: Watcher): void {
    this.#watchers.add(watcher);
    for (const [key, versions] of this.#versions) this.#tell(watcher, key, versions.at(-1)!.entry);
  }

  unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  #keep(key: string, entry: BucketEntry): void {
    const { nowMs: atMs } = this.#servers.time;
    const before = this.#versions.get(key) ?? [];
    // Those that a copy can still have: what followed them is not so old.
    const all = [...before, { entry, atMs }];
    const kept = all.filter((_version, i) => atMs - (all[i + 1]?.atMs ?? atMs) <= lagMsMax);
    this.#versions.set(key, kept);
  }

  #tell(watcher: Watcher, key: string, entry: BucketEntry): void {
    const { connection, pattern } = watcher;
    if (!matchesSubject(pattern, key)) return;
    if (!connection.process.alive) return this.unwatch(watcher);
    this.#servers.deliver(
      this.#dataCenter,
      connection,
      () => this.#watchers.has(watcher) && watcher.take(key, entry),
      () => {
        if (this.#watchers.delete(watcher)) watcher.broken();
      },
    );
  }
}
