import type { Database, RootDatabase } from 'lmdb';
import type { ActivityState } from '../../core/activity/activity-state.js';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import { decode, encode, protocolVersion } from '../../messages/codec.js';
import { requireStateVersion } from '../../messages/state-version.js';
import type {
  ActivityPlace,
  ActivityStore,
  ActivityView,
  ActivityWrite,
} from './activity-store.js';
import { openLmdb } from './lmdb-open.js';
import { storageError } from './storage-error.js';

const versionKey = 'version';
const placeKey = 'place';
const nowhere: ActivityPlace = { sequence: 0, taken: {} };

/** What is kept of people and items on disk, in one transaction with the place in ACTIVITY that it stands for. */
export class LmdbActivityStore implements ActivityStore {
  readonly #path: string;
  readonly #root: RootDatabase;
  readonly #states: Database<Uint8Array, string>;
  /** In our own codec, as states are: what it reads back goes into snapshots as it is. */
  readonly #meta: Database<Uint8Array, string>;
  #place: ActivityPlace;
  /** How many there were when it was closed: a last heartbeat asks still, and the files would throw. */
  #closedWith: number | undefined;

  /** @throws StarlingError STATE_INVALID when the files can't be opened. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#root = openLmdb({ path, noSubdir: false });
      this.#states = this.#root.openDB({ name: 'states', encoding: 'binary' });
      this.#meta = this.#root.openDB({ name: 'meta', encoding: 'binary' });
    } catch (cause) {
      const text = `can't open what is kept of people at ${path}: ${messageOf(cause)}.`;
      throw new StarlingError('STATE_INVALID', text, {}, { cause });
    }
    const version = this.#meta.get(versionKey);
    if (version === undefined) this.#meta.putSync(versionKey, encode(protocolVersion));
    else requireStateVersion(decode(version), path);
    this.#place = placeIn(this.#meta.get(placeKey));
  }

  get place(): ActivityPlace {
    return this.#place;
  }

  get count(): number {
    return this.#closedWith ?? (this.#states.getStats() as { entryCount?: number }).entryCount ?? 0;
  }

  get(key: string): ActivityState | undefined {
    const bytes = this.#states.get(key);
    return bytes && (decode(bytes) as ActivityState);
  }

  async write(what: () => ActivityWrite): Promise<void> {
    const place = await this.#transaction('writing what people did', () => {
      const { states, sequence, taken } = what();
      for (const [key, state] of states) {
        if (state) this.#states.putSync(key, encode(state));
        else this.#states.removeSync(key);
      }
      this.#meta.putSync(placeKey, encode({ sequence, taken }));
      return { sequence, taken };
    });
    this.#place = place;
  }

  async reset(): Promise<void> {
    this.#place = nowhere;
    await this.#transaction('clearing', () => {
      this.#meta.removeSync(placeKey);
      this.#states.clearSync();
    });
  }

  view(): ActivityView {
    const transaction = this.#root.useReadTransaction();
    const states = this.#states;
    return {
      place: placeIn(this.#meta.get(placeKey, { transaction })),
      *states() {
        for (const { key, value } of states.getRange({ transaction }))
          yield [key, decode(value) as ActivityState] as const;
      },
      close: () => transaction.done(),
    };
  }

  async close(): Promise<void> {
    this.#closedWith = this.count;
    await this.#root.close();
  }

  async #transaction<T>(what: string, run: () => T): Promise<T> {
    try {
      return await this.#root.transaction(run);
    } catch (error) {
      throw storageError(error, this.#path, what);
    }
  }
}

function placeIn(bytes: Uint8Array | undefined): ActivityPlace {
  return bytes ? (decode(bytes) as ActivityPlace) : nowhere;
}
