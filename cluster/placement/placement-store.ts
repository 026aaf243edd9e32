import { codeOf } from '../../core/base/errors.js';
import type { PlacementRecord } from '../../messages/hosts.js';
import { decodePlacement, encodeRecord, placementKey } from '../../messages/hosts.js';
import { fenced } from '../../messages/ownership.js';
import { clusterBucket } from '../../messages/streams.js';
import type { BucketEntry, Bus, Stoppable } from '../../runtime/bus.js';

export type PlacementBus = Pick<Bus, 'bucketEntry' | 'bucketUpdate' | 'bucketWatch'>;

/** The placement, kept up to date by a watch, and changed by the leader alone. It only ever gets newer. */
export class PlacementStore implements Stoppable {
  readonly #bus: PlacementBus;
  readonly #listeners = new Set<(record: PlacementRecord) => void>();
  #watch: Stoppable | undefined;
  #record: PlacementRecord | undefined;
  #revision = 0;

  private constructor(bus: PlacementBus) {
    this.#bus = bus;
  }

  /** Resolves once what there is is known. */
  static async open(bus: PlacementBus): Promise<PlacementStore> {
    const store = new PlacementStore(bus);
    store.#watch = await bus.bucketWatch(clusterBucket, placementKey, (_key, entry) => {
      store.#observe(entry);
    });
    return store;
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.#watch?.stop();
  }

  /** Undefined until a leader has placed something. */
  get record(): PlacementRecord | undefined {
    return this.#record;
  }

  onChange(listener: (record: PlacementRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Writes `next` behind what is known.
   * @throws StarlingError FENCED when a leader with a newer term has written, CONFLICT when the same one has.
   */
  async write(next: PlacementRecord): Promise<void> {
    if ((this.#record?.term ?? 0) > next.term) throw this.#fenced(next.term);
    const bytes = encodeRecord(next);
    try {
      const revision = await this.#bus.bucketUpdate(
        clusterBucket,
        placementKey,
        bytes,
        this.#revision,
      );
      this.#observe({ bytes, revision });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      await this.confirm(next.term);
      throw error;
    }
  }

  /** @throws StarlingError FENCED when a leader with a newer term has written. */
  async confirm(term: number): Promise<void> {
    const found = await this.#bus.bucketEntry(clusterBucket, placementKey);
    if (found) this.#observe(found);
    if ((this.#record?.term ?? 0) > term) throw this.#fenced(term);
  }

  #observe(entry: BucketEntry): void {
    if (entry.revision <= this.#revision) return;
    this.#revision = entry.revision;
    this.#record = decodePlacement(entry.bytes);
    for (const listener of this.#listeners) listener(this.#record);
  }

  #fenced(term: number) {
    const newest = this.#record!.term;
    return fenced(`term ${term} is over: a leader of term ${newest} places actors now.`, {
      term,
      newest,
    });
  }
}
