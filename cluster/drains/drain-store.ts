import { codeOf } from '../../core/base/errors.js';
import type { DrainEntry } from '../../messages/drains.js';
import {
  dataCenterOfDrain,
  decodeDrain,
  drainKey,
  drainKeys,
  encodeDrain,
} from '../../messages/drains.js';
import { fenced } from '../../messages/ownership.js';
import { clusterBucket } from '../../messages/streams.js';
import type { BucketEntry, Bus, Stoppable } from '../../runtime/bus.js';

type Listener = (dataCenter: string, entry: DrainEntry) => void;

/** Which data centers are out of service, kept up to date by a watch, and changed by the leader alone. */
export class DrainStore implements Stoppable {
  readonly #bus: Pick<Bus, 'bucketEntry' | 'bucketUpdate' | 'bucketWatch'>;
  readonly #entries = new Map<string, { readonly entry: DrainEntry; readonly revision: number }>();
  readonly #listeners = new Set<Listener>();
  #watch: Stoppable | undefined;

  private constructor(bus: Pick<Bus, 'bucketEntry' | 'bucketUpdate' | 'bucketWatch'>) {
    this.#bus = bus;
  }

  /** Resolves once what there is is known. */
  static async open(
    bus: Pick<Bus, 'bucketEntry' | 'bucketUpdate' | 'bucketWatch'>,
  ): Promise<DrainStore> {
    const store = new DrainStore(bus);
    store.#watch = await bus.bucketWatch(clusterBucket, drainKeys, (key, found) => {
      const dataCenter = dataCenterOfDrain(key);
      if (dataCenter !== undefined) store.#observe(dataCenter, found);
    });
    return store;
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.#watch?.stop();
  }

  /** Of those that were ever drained. */
  get entries(): ReadonlyMap<string, DrainEntry> {
    return new Map([...this.#entries].map(([name, { entry }]) => [name, entry]));
  }

  isDrained(dataCenter: string): boolean {
    return this.#entries.get(dataCenter)?.entry.drained ?? false;
  }

  onChange(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** @throws StarlingError FENCED when a leader with a newer term has written, CONFLICT when the same one has. */
  async write(dataCenter: string, next: DrainEntry): Promise<void> {
    const key = drainKey(dataCenter);
    const bytes = encodeDrain(next);
    const known = this.#entries.get(dataCenter);
    this.#refuseFormer(dataCenter, next.term);
    try {
      const written = this.#bus.bucketUpdate(clusterBucket, key, bytes, known?.revision ?? 0);
      this.#observe(dataCenter, { bytes, revision: await written });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      const found = await this.#bus.bucketEntry(clusterBucket, key);
      if (found) this.#observe(dataCenter, found);
      this.#refuseFormer(dataCenter, next.term);
      throw error;
    }
  }

  #refuseFormer(dataCenter: string, term: number): void {
    const newest = this.#entries.get(dataCenter)?.entry.term ?? 0;
    if (term >= newest) return;
    const text = `term ${term} is over: a leader of term ${newest} decides about ${dataCenter} now.`;
    throw fenced(text, { term, newest });
  }

  #observe(dataCenter: string, { bytes, revision }: BucketEntry): void {
    if ((this.#entries.get(dataCenter)?.revision ?? 0) >= revision) return;
    const entry = decodeDrain(bytes);
    this.#entries.set(dataCenter, { entry, revision });
    for (const listener of this.#listeners) listener(dataCenter, entry);
  }
}
