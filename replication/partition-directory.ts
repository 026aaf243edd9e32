import { StarlingError } from '../core/base/errors.js';
import type { PartitionEntry } from '../messages/ownership.js';
import {
  decodeEntry,
  encodeEntry,
  fenced,
  partitionKey,
  partitionKeys,
  partitionOfKey,
} from '../messages/ownership.js';
import { mainModel } from '../messages/model-name.js';
import type { RecordBus, RecordKind } from './fenced-record.js';
import { FencedRecords, type Known } from './fenced-record.js';

export type DirectoryEntry = Known<PartitionEntry>;
export type DirectoryBus = RecordBus;

const recordsOf = (model: string): RecordKind<number, PartitionEntry> => ({
  pattern: partitionKeys(model),
  keyOf: (partition) => partitionKey(partition, model),
  idOf: (key) => partitionOfKey(key, model),
  encode: (entry) => encodeEntry(entry, model),
  decode: (bytes) => decodeEntry(bytes, model),
  termOf: ({ term }) => term,
  overText: (_partition, term, newest) => overText(term, newest),
});

/** Who owns which partition of a model. A leader writes the term it has; a shard that takes its next epoch, the one it found. */
export class PartitionDirectory {
  readonly #records: FencedRecords<number, PartitionEntry>;

  private constructor(records: FencedRecords<number, PartitionEntry>) {
    this.#records = records;
  }

  /** Resolves once all entries that exist are known. */
  static async open(bus: DirectoryBus, model = mainModel): Promise<PartitionDirectory> {
    return new PartitionDirectory(await FencedRecords.open(bus, recordsOf(model)));
  }

  stop(): Promise<void> {
    return this.#records.stop();
  }

  get partitions(): number[] {
    return [...this.#records.all.keys()].sort((a, b) => a - b);
  }

  entry(partition: number): DirectoryEntry | undefined {
    return this.#records.get(partition);
  }

  /** Of the newest leader that has written. */
  get term(): number {
    return Math.max(0, ...[...this.#records.all.values()].map(({ term }) => term));
  }

  /** @throws StarlingError FENCED for the word of a leader whose time is over. */
  refuseFormerLeader(term: number): void {
    const newest = this.term;
    if (term < newest) throw fenced(overText(term, newest), { term, newest });
  }

  /** @throws StarlingError NOT_READY for a partition that nobody has been given. */
  ownerOf(partition: number): DirectoryEntry {
    const entry = this.entry(partition);
    if (entry && entry.epoch > 0) return entry;
    throw new StarlingError('NOT_READY', `partition ${partition} has no owner yet.`, { partition });
  }

  onChange(listener: (partition: number, entry: DirectoryEntry) => void): () => void {
    return this.#records.onChange(listener);
  }

  /**
   * Changes an entry that is as `before` says; undefined: there is none.
   * @throws StarlingError FENCED when a newer leader has written it, CONFLICT when somebody else has; the newer one is
   *   known here then.
   */
  update(
    partition: number,
    next: PartitionEntry,
    before: DirectoryEntry | undefined,
  ): Promise<DirectoryEntry> {
    return this.#records.replace(partition, next, before);
  }

  /** Reads an entry from the bucket itself: the watch may be a little behind. */
  refresh(partition: number): Promise<DirectoryEntry | undefined> {
    return this.#records.refresh(partition);
  }
}

function overText(term: number, newest: number): string {
  return `term ${term} is over: a leader of term ${newest} looks after the partitions now.`;
}
