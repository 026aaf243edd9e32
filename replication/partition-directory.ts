import { StarlingError, codeOf } from '../core/base/errors.js';
import { clusterBucket } from '../messages/streams.js';
import type { PartitionEntry } from '../messages/ownership.js';
import {
  decodeEntry,
  encodeEntry,
  fenced,
  partitionKey,
  partitionKeys,
  partitionOfKey,
} from '../messages/ownership.js';
import type { BucketEntry, Bus, Stoppable } from '../runtime/bus.js';

export interface DirectoryEntry extends PartitionEntry {
  /** Of the key: what a change is compared with. */
  readonly revision: number;
}

type Listener = (partition: number, entry: DirectoryEntry) => void;

export type DirectoryBus = Pick<Bus, 'bucketEntry' | 'bucketUpdate' | 'bucketWatch'>;

/** Who owns which partition, kept up to date by a watch. Entries only ever get newer. */
export class PartitionDirectory {
  readonly #bus: DirectoryBus;
  readonly #entries = new Map<number, DirectoryEntry>();
  readonly #listeners = new Set<Listener>();
  #watch: Stoppable | undefined;

  private constructor(bus: DirectoryBus) {
    this.#bus = bus;
  }

  /** Resolves once all entries that exist are known. */
  static async open(bus: DirectoryBus): Promise<PartitionDirectory> {
    const directory = new PartitionDirectory(bus);
    directory.#watch = await bus.bucketWatch(clusterBucket, partitionKeys, (key, found) => {
      const partition = partitionOfKey(key);
      if (partition !== undefined) directory.#observe(partition, found);
    });
    return directory;
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.#watch?.stop();
  }

  get partitions(): number[] {
    return [...this.#entries.keys()].sort((a, b) => a - b);
  }

  entry(partition: number): DirectoryEntry | undefined {
    return this.#entries.get(partition);
  }

  /** Of the newest leader that has written. */
  get term(): number {
    return Math.max(0, ...[...this.#entries.values()].map(({ term }) => term));
  }

  /** @throws StarlingError FENCED for the word of a leader whose time is over. */
  refuseFormerLeader(term: number): void {
    const newest = this.term;
    if (term >= newest) return;
    const text = `term ${term} is over: a leader of term ${newest} looks after the partitions now.`;
    throw fenced(text, { term, newest });
  }

  /** @throws StarlingError NOT_READY for a partition that nobody has been given. */
  ownerOf(partition: number): DirectoryEntry {
    const entry = this.#entries.get(partition);
    if (entry && entry.epoch > 0) return entry;
    throw new StarlingError('NOT_READY', `partition ${partition} has no owner yet.`, { partition });
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Changes an entry that is as `before` says; undefined: there is none.
   * @throws StarlingError CONFLICT when somebody else changed it; the newer one is known here then. FENCED when a newer
   *   leader has written it.
   */
  async update(
    partition: number,
    next: PartitionEntry,
    before: DirectoryEntry | undefined,
  ): Promise<DirectoryEntry> {
    if (next.term < (before?.term ?? 0)) this.refuseFormerLeader(next.term);
    const key = partitionKey(partition);
    try {
      const bytes = encodeEntry(next);
      const revision = await this.#bus.bucketUpdate(
        clusterBucket,
        key,
        bytes,
        before?.revision ?? 0,
      );
      return this.#observe(partition, { bytes, revision });
    } catch (error) {
      if (codeOf(error) === 'CONFLICT') await this.refresh(partition);
      throw error;
    }
  }

  /** Reads an entry from the bucket itself: the watch may be a little behind. */
  async refresh(partition: number): Promise<DirectoryEntry | undefined> {
    const found = await this.#bus.bucketEntry(clusterBucket, partitionKey(partition));
    return found ? this.#observe(partition, found) : undefined;
  }

  #observe(partition: number, { bytes, revision }: BucketEntry): DirectoryEntry {
    const known = this.#entries.get(partition);
    if (known && known.revision >= revision) return known;
    const entry = { ...decodeEntry(bytes), revision };
    this.#entries.set(partition, entry);
    for (const listener of this.#listeners) listener(partition, entry);
    return entry;
  }
}
