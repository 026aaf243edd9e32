import { codeOf } from '../core/base/errors.js';
import { fenced } from '../messages/ownership.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { BucketEntry } from '../runtime/bus/records.js';
import type { Stoppable } from '../runtime/stoppable.js';

/**
 * Records that several may write and one should: each is a key of the bucket CLUSTER, changed by compare-and-set, and
 * carries a fencing number, which only ever rises. So of two who take themselves for the writer one finds the key
 * changed, and whoever is of an earlier term is told that his time is over, before he writes and after he has lost.
 *
 * What is known is kept up to date by a watch, and only ever gets newer: whatever the watch hands over late or twice,
 * because the server was lost or an own write was faster, is dropped by its revision.
 */
export interface RecordKind<Id, T extends object> {
  /** Keys of all of them, as the bucket matches them. */
  readonly pattern: string;
  readonly keyOf: (id: Id) => string;
  /** Undefined for a key that is of something else. */
  readonly idOf: (key: string) => Id | undefined;
  readonly encode: (record: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
  /** The fencing number. */
  readonly termOf: (record: T) => number;
  /** For whoever is told that his time is over. */
  readonly overText: (id: Id, term: number, newest: number) => string;
  /** For an answer of the bucket; as the bus has it if left out. */
  readonly answerMsMax?: number;
}

/** The revision is of the key: what a change is compared with. */
export type Known<T> = T & { readonly revision: number };

export type RecordReads = Pick<Bus, 'names' | 'bucketEntry' | 'bucketUpdate'>;
export type RecordBus = RecordReads & Pick<Bus, 'bucketWatch'>;

export class FencedRecords<Id, T extends object> implements Stoppable {
  readonly #bus: RecordReads;
  readonly #kind: RecordKind<Id, T>;
  readonly #known = new Map<Id, Known<T>>();
  readonly #listeners = new Set<(id: Id, record: Known<T>) => void>();
  #watch: Stoppable | undefined;

  /** Without a watch: what is known is what was written or read here. */
  constructor(bus: RecordReads, kind: RecordKind<Id, T>) {
    this.#bus = bus;
    this.#kind = kind;
  }

  /** Resolves once all that there are are known. */
  static async open<Id, T extends object>(
    bus: RecordBus,
    kind: RecordKind<Id, T>,
  ): Promise<FencedRecords<Id, T>> {
    const records = new FencedRecords(bus, kind);
    await records.watch(bus);
    return records;
  }

  /** As `open`, for who must hear of what there is already. */
  async watch(bus: Pick<Bus, 'names' | 'bucketWatch'>): Promise<void> {
    this.#watch = await bus.bucketWatch(bus.names.bucket, this.#kind.pattern, (key, found) => {
      const id = this.#kind.idOf(key);
      if (id !== undefined) this.#observe(id, found);
    });
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.#watch?.stop();
  }

  get(id: Id): Known<T> | undefined {
    return this.#known.get(id);
  }

  get all(): ReadonlyMap<Id, Known<T>> {
    return this.#known;
  }

  /** Hears of every record that is newer than what was known, whoever has written it. */
  onChange(listener: (id: Id, record: Known<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the place of what is known. @throws as `replace` does. */
  write(id: Id, next: T): Promise<Known<T>> {
    return this.replace(id, next, this.get(id));
  }

  /**
   * @param before what the caller has decided by; undefined: there is none.
   * @throws StarlingError FENCED when a newer term has written it, CONFLICT when the same one, or an earlier one, has
   *   meanwhile; the newer record is known then.
   */
  async replace(id: Id, next: T, before: Known<T> | undefined): Promise<Known<T>> {
    const { keyOf, encode, termOf, answerMsMax: timeoutMs } = this.#kind;
    if (before) this.#refuseOlder(id, termOf(next), before);
    const bytes = encode(next);
    const revision = before?.revision ?? 0;
    try {
      const written = await this.#bus.bucketUpdate(
        this.#bus.names.bucket,
        keyOf(id),
        bytes,
        revision,
        {
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        },
      );
      return this.#observe(id, { bytes, revision: written });
    } catch (error) {
      if (codeOf(error) === 'CONFLICT') await this.confirm(id, termOf(next));
      throw error;
    }
  }

  /** Reads it from the bucket itself: the watch may be a little behind. So may what answers the read: nothing that is known is taken back. */
  async refresh(id: Id): Promise<Known<T> | undefined> {
    const { keyOf, answerMsMax: timeoutMs } = this.#kind;
    const found = await this.#bus.bucketEntry(this.#bus.names.bucket, keyOf(id), {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return found ? this.#observe(id, found) : this.get(id);
  }

  /** @throws StarlingError FENCED when a newer term has written, by the word of the bucket itself. */
  async confirm(id: Id, term: number): Promise<void> {
    await this.refresh(id);
    const newest = this.get(id);
    if (newest) this.#refuseOlder(id, term, newest);
  }

  #refuseOlder(id: Id, term: number, known: T): void {
    const newest = this.#kind.termOf(known);
    if (term < newest) throw fenced(this.#kind.overText(id, term, newest), { term, newest });
  }

  #observe(id: Id, { bytes, revision }: BucketEntry): Known<T> {
    const known = this.#known.get(id);
    if (known && known.revision >= revision) return known;
    const record: Known<T> = { ...this.#kind.decode(bytes), revision };
    this.#known.set(id, record);
    for (const listener of this.#listeners) listener(id, record);
    return record;
  }
}
