import { fenced } from '../messages/ownership.js';
import {
  decodeJoinOwner,
  encodeJoinOwner,
  joinOwnerKey,
  joinOwnerKeys,
  partitionOfJoinKey,
  type JoinOwner,
} from '../messages/join-owners.js';
import type { Stoppable } from '../runtime/stoppable.js';
import type { Known, RecordBus, RecordKind } from './fenced-record.js';
import { FencedRecords } from './fenced-record.js';

const owners: RecordKind<number, JoinOwner> = {
  pattern: joinOwnerKeys,
  keyOf: joinOwnerKey,
  idOf: partitionOfJoinKey,
  encode: encodeJoinOwner,
  decode: decodeJoinOwner,
  termOf: ({ term }) => term,
  overText: (_partition, term, newest) => overText(term, newest),
};

/** Which joiner has which partition of JOIN. Only the leader writes. */
export class JoinDirectory implements Stoppable {
  readonly #records: FencedRecords<number, JoinOwner>;

  private constructor(records: FencedRecords<number, JoinOwner>) {
    this.#records = records;
  }

  /** Resolves once all that is written is known. */
  static async open(bus: RecordBus): Promise<JoinDirectory> {
    return new JoinDirectory(await FencedRecords.open(bus, owners));
  }

  stop(): Promise<void> {
    return this.#records.stop();
  }

  /** Undefined for a partition that no leader has given to anybody. */
  entry(partition: number): Known<JoinOwner> | undefined {
    return this.#records.get(partition);
  }

  onChange(listener: (partition: number) => void): () => void {
    return this.#records.onChange(listener);
  }

  /** Reads an entry from the bucket itself: the watch may be a little behind. */
  refresh(partition: number): Promise<Known<JoinOwner> | undefined> {
    return this.#records.refresh(partition);
  }

  /**
   * Changes an entry that is as `before` says; undefined: there is none.
   * @throws StarlingError FENCED when a newer leader has written it, CONFLICT when the same one has.
   */
  async update(
    partition: number,
    next: JoinOwner,
    before: Known<JoinOwner> | undefined,
  ): Promise<void> {
    await this.#records.replace(partition, next, before);
  }

  /** @throws StarlingError FENCED for the word of a leader whose time is over. */
  refuseFormerLeader(term: number): void {
    const newest = Math.max(0, ...[...this.#records.all.values()].map((entry) => entry.term));
    if (term < newest) throw fenced(overText(term, newest), { term, newest });
  }
}

/** Before a leader has given it to anybody, joiners of the configuration share them. */
export function firstOwnerOf(partition: number, joiners: number): number {
  return partition % joiners;
}

function overText(term: number, newest: number): string {
  return `term ${term} is over: a leader of term ${newest} gives the partitions of JOIN to joiners now.`;
}
