import { join } from 'node:path';
import { decode, encode } from 'cbor-x';
import type { Database, RootDatabase, Transaction } from 'lmdb';
import { assert } from '../../core/base/assert.js';
import { protocolVersion } from '../../messages/codec.js';
import { requireStateVersion } from '../../messages/state-version.js';
import type { JoinProgress, JoinRecord } from '../../core/joining/types.js';
import type {
  ConsumedSequences,
  JoinCommit,
  JoinState,
  JoinStore,
  JoinView,
  OutboxEntry,
} from './join-store.js';
import { openLmdb } from './lmdb-open.js';
import { checkLmdbFile, storageError } from './storage-error.js';

export interface JoinStoreOptions {
  /** What a store that is made is known by. */
  readonly newId: () => string;
  /**
   * Address space reserved for the file, which itself grows only as it is used. Beyond it the map must be moved, which
   * stalls a commit; far too much can exceed what a container may map.
   */
  readonly mapSizeBytes?: number;
}

interface StoredState {
  readonly version: number;
  readonly progress: JoinProgress;
  readonly consumed: ConsumedSequences;
  readonly outboxNumberLast: number;
  readonly window: string;
  /** Left out by a release that knew of no other features than its own. */
  readonly spec?: string;
}

const stateKey = 'state';
const defaultMapSizeBytes = 64 * 1024 ** 3;

/**
 * In one LMDB environment:
 *
 *   records   number → open impression | held action | closed segment   (core/joining, opaque here)
 *   outbox    number → message
 *   state     'state' → CBOR of progress and consumed sequences
 *
 * Records are numbered in the order of their making instead of keyed by identity: commits write at the right edge of the
 * tree and expire at the left, so a commit touches a few dozen pages. Keyed by request id, each row would dirty a page
 * of its own (500 pages, 2 MB, per batch of 500).
 *
 * A commit is synchronous up to the disk's flush: `transactionSync` reports a full disk as an exception, whereas the
 * asynchronous writes of lmdb reject promises that nobody holds. The block is one flush (0.5 to 6 ms measured).
 */
export class LmdbJoinStore implements JoinStore {
  readonly window: string;
  readonly #path: string;
  readonly #root: RootDatabase<Buffer, string>;
  readonly #records: Database<Buffer, number>;
  readonly #outbox: Database<Buffer, number>;
  #outboxNumberLast = 0;
  #spec: string | undefined;

  private constructor(path: string, root: RootDatabase<Buffer, string>, newId: () => string) {
    this.#path = path;
    this.#root = root;
    this.#records = root.openDB<Buffer, number>({ name: 'records', encoding: 'binary' });
    this.#outbox = root.openDB<Buffer, number>({ name: 'outbox', encoding: 'binary' });
    const stored = this.#stored();
    this.#outboxNumberLast = stored?.outboxNumberLast ?? 0;
    this.#spec = stored?.spec;
    this.window = stored?.window ?? newId();
  }

  /**
   * Opens or creates the store in the folder `path`. One process at a time.
   *
   * Throws STATE_INVALID if the folder holds something else or another version, STORAGE_FULL if there is no room.
   */
  static open(path: string, options: JoinStoreOptions): LmdbJoinStore {
    try {
      checkLmdbFile(join(path, 'data.mdb'));
      const mapSize = options.mapSizeBytes ?? defaultMapSizeBytes;
      const root = openLmdb<Buffer, string>({
        path,
        encoding: 'binary',
        mapSize,
        maxDbs: 4,
        noSubdir: false,
      });
      return new LmdbJoinStore(path, root, options.newId);
    } catch (error) {
      throw storageError(error, path, 'opening the store');
    }
  }

  load(): JoinState {
    const stored = this.#stored();
    const outbox: OutboxEntry[] = [];
    for (const { key, value } of this.#outbox.getRange())
      outbox.push({ number: key, bytes: value });
    return {
      progress: stored?.progress,
      records: this.#records.getRange().map(({ key, value }) => ({ number: key, bytes: value })),
      consumed: stored?.consumed ?? {},
      outbox,
      spec: this.#spec,
      outboxNumberLast: this.#outboxNumberLast,
    };
  }

  async commit(commit: JoinCommit): Promise<void> {
    const { changes, outbox, spec = this.#spec } = commit;
    const stored: StoredState = {
      version: protocolVersion,
      progress: changes.progress,
      consumed: commit.consumed,
      outboxNumberLast: outbox.at(-1)?.number ?? this.#outboxNumberLast,
      window: this.window,
      ...(spec === undefined ? {} : { spec }),
    };
    let previous = this.#outboxNumberLast;
    for (const { number } of outbox) {
      assert(number > previous, `outbox number ${number} is above ${previous}`);
      previous = number;
    }
    this.#write('committing', () => {
      for (const { number, bytes } of changes.put) this.#records.putSync(number, asBuffer(bytes));
      for (const number of changes.remove) this.#records.removeSync(number);
      for (const { number, bytes } of outbox) this.#outbox.putSync(number, asBuffer(bytes));
      if (commit.confirmedThrough !== undefined) this.#removeConfirmed(commit.confirmedThrough);
      this.#root.putSync(stateKey, encode(stored));
    });
    this.#outboxNumberLast = stored.outboxNumberLast;
    this.#spec = spec;
  }

  async confirm(throughNumber: number): Promise<void> {
    this.#write('confirming', () => this.#removeConfirmed(throughNumber));
  }

  async add(records: readonly JoinRecord[]): Promise<void> {
    this.#write('filling', () => {
      for (const { number, bytes } of records) this.#records.putSync(number, asBuffer(bytes));
    });
  }

  view(): JoinView {
    const transaction = this.#root.useReadTransaction();
    const stored = this.#stored(transaction);
    const records = this.#records.getRange({ transaction });
    return {
      progress: stored?.progress,
      consumed: stored?.consumed ?? {},
      outboxNumberLast: stored?.outboxNumberLast ?? 0,
      records: records.map(({ key, value }) => ({ number: key, bytes: value })),
      close: () => transaction.done(),
    };
  }

  /** The bytes of one record as of the last commit. */
  get(number: number): Uint8Array | undefined {
    return this.#records.get(number);
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  #removeConfirmed(throughNumber: number): void {
    // Collected first: a cursor must not walk what is being removed. There are as many as messages in flight.
    const confirmed = [...this.#outbox.getKeys({ end: throughNumber + 1 })];
    for (const number of confirmed) this.#outbox.removeSync(number);
  }

  #write(what: string, write: () => void): void {
    try {
      this.#root.transactionSync(write);
    } catch (error) {
      throw storageError(error, this.#path, what);
    }
  }

  #stored(transaction?: Transaction): StoredState | undefined {
    const bytes = transaction
      ? this.#root.get(stateKey, { transaction })
      : this.#root.get(stateKey);
    if (bytes === undefined) return undefined;
    const stored = decode(bytes) as Partial<StoredState> | null;
    requireStateVersion(stored?.version, this.#path);
    return stored as StoredState;
  }
}

/** lmdb takes a Buffer as it is and would encode any other typed array by its element type. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
