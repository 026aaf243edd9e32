import type { Database, RootDatabase, Transaction } from 'lmdb';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { IsFeature } from '../../core/features/attributes.js';
import { changedBy } from '../../core/features/entity-change.js';
import {
  erasureMark,
  erasureMarkId,
  forgottenUntilMs,
  isErasureMark,
} from '../../core/features/forgotten-users.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { EntityRows } from '../../messages/feature-snapshots.js';
import { modeOf, type FeatureChange } from '../../messages/features.js';
import { protocolVersion } from '../../messages/codec.js';
import { requireStateVersion } from '../../messages/state-version.js';
import type { Entity } from '../../messages/subjects.js';
import { entities } from '../../messages/subjects.js';
import type { EntityRecord, EntityRow, EntityStore, EntityView } from './entity-store.js';
import { openLmdb } from './lmdb-open.js';
import { storageError } from './storage-error.js';

/** The place in the log of the record that told of the entity first, and its features. */
type Row = readonly [since: number, features: RawFeatures];
type Rows = Readonly<Record<Entity, Database<Row, string>>>;
/** What is known of entities beside features; of most that have none there is no entry. */
type Others = Readonly<Record<Entity, Database<RawFeatures, string>>>;

/** Else a vector would come back as bytes. What was written without is read as before. */
const stored: object = { encoder: { moreTypes: true } };

const versionKey = 'version';
/** Where it stands in the log. (`sequence`, of an earlier form, counted in the copy of a data center.) */
const placeKey = 'log-sequence';

/**
 * Attributes by entity id on disk, with the log position they stand for, written in one transaction: a store that was
 * killed goes on exactly where its rows are. Reads are memory-mapped and synchronous.
 *
 * Features stand by themselves, so that scoring reads and decodes no titles; what is a feature is decided as it is written.
 *
 * While a snapshot is put in there is no position: should it die then, it begins from nothing.
 */
export class LmdbEntityStore implements EntityStore {
  readonly #path: string;
  readonly #root: RootDatabase;
  readonly #isFeature: IsFeature;
  readonly #rows: Rows;
  readonly #others: Others;
  readonly #meta: Database<number, string>;
  #sequence: number;
  /** How many there were when it was closed: a last heartbeat asks still, and the files would throw. */
  #closedWith: number | undefined;

  /** @throws StarlingError STATE_INVALID when the files can't be opened. */
  constructor(path: string, isFeature: IsFeature = () => true) {
    this.#path = path;
    this.#isFeature = isFeature;
    try {
      this.#root = openLmdb({ path, noSubdir: false });
      const rowsOf = (entity: Entity) =>
        this.#root.openDB<Row, string>({ name: `${entity}-rows`, ...stored });
      this.#rows = { user: rowsOf('user'), item: rowsOf('item') };
      const othersOf = (entity: Entity) =>
        this.#root.openDB<RawFeatures, string>({ name: `${entity}-attributes`, ...stored });
      this.#others = { user: othersOf('user'), item: othersOf('item') };
      this.#meta = this.#root.openDB({ name: 'meta', encoding: 'json' });
      this.#requireVersion();
      this.#sequence = this.#meta.get(placeKey) ?? 0;
    } catch (cause) {
      if (codeOf(cause) === 'STATE_INVALID') throw cause;
      throw new StarlingError(
        'STATE_INVALID',
        `can't open the feature store at ${path}: ${messageOf(cause)}.`,
        {},
        { cause },
      );
    }
  }

  /** Of the log: all changes up to here are in; 0: none. */
  get sequence(): number {
    return this.#sequence;
  }

  get(entity: Entity, id: string): RawFeatures | undefined {
    return this.#rows[entity].get(id)?.[1];
  }

  attributes(entity: Entity, id: string): RawFeatures | undefined {
    const features = this.get(entity, id);
    return features && { ...features, ...this.#others[entity].get(id) };
  }

  /**
   * A record of the log; undefined: one that says nothing.
   * @throws StarlingError STORAGE_FULL when the disk or the map is full; nothing of the change is in then.
   */
  take(change: FeatureChange | undefined, sequence: number): Promise<void> {
    return this.takeAll([{ change, sequence }]);
  }

  /** Several, in order and in one transaction. @throws StarlingError STORAGE_FULL; none is in then. */
  async takeAll(records: readonly EntityRecord[]): Promise<void> {
    const last = records.at(-1);
    if (!last) return;
    await this.#write('writing changes of features', () => {
      for (const { change, sequence } of records) if (change) this.#take(change, sequence);
      this.#meta.putSync(placeKey, last.sequence);
    });
    this.#sequence = last.sequence;
  }

  /** @throws StarlingError STORAGE_FULL */
  async reset(): Promise<void> {
    this.#sequence = 0;
    await this.#write('clearing', () => {
      this.#meta.removeSync(placeKey);
      for (const entity of entities) {
        this.#rows[entity].clearSync();
        this.#others[entity].clearSync();
      }
    });
  }

  /** Rows of a snapshot. @throws StarlingError STORAGE_FULL */
  async add({ entity, ids, features, since }: EntityRows): Promise<void> {
    await this.#write('writing rows of a snapshot', () => {
      ids.forEach((id, i) => this.#put(entity, id, since[i]!, features[i]!));
    });
  }

  /** All rows of a snapshot are in. @throws StarlingError STORAGE_FULL */
  async restored(sequence: number): Promise<void> {
    await this.#write('ending a snapshot', () => void this.#meta.putSync(placeKey, sequence));
    this.#sequence = sequence;
  }

  /** All rows as they are now, whatever is written while they are read. */
  view(): EntityView {
    return new LmdbEntityView(
      this.#root.useReadTransaction(),
      this.#rows,
      this.#others,
      this.#meta,
    );
  }

  get entityCount(): number {
    return (
      this.#closedWith ?? entities.reduce((sum, entity) => sum + countOf(this.#rows[entity]), 0)
    );
  }

  async close(): Promise<void> {
    this.#closedWith = this.entityCount;
    await this.#root.close();
  }

  #take(change: FeatureChange, sequence: number): void {
    const { entity, ids, features, erased } = change;
    const rows = this.#rows[entity];
    ids.forEach((id, i) => {
      if (this.#isForgotten(change, i)) return;
      if (erased?.[i]) {
        this.#markErased(change, i, sequence);
        rows.removeSync(id);
        this.#others[entity].removeSync(id);
        return;
      }
      const since = rows.get(id)?.[0] ?? sequence;
      const mode = modeOf(change, i);
      const before = mode === 'patch' ? this.attributes(entity, id) : undefined;
      this.#put(entity, id, since, changedBy(before, features[i]!, mode));
    });
  }

  #isForgotten({ entity, ids, atMs }: FeatureChange, i: number): boolean {
    if (entity !== 'user' || atMs === undefined) return false;
    const mark = this.attributes(entity, erasureMarkId(ids[i]!));
    return isErasureMark(ids[i]!) || atMs <= forgottenUntilMs(mark);
  }

  #markErased({ entity, ids, atMs }: FeatureChange, i: number, sequence: number): void {
    if (entity !== 'user' || atMs === undefined) return;
    this.#put(entity, erasureMarkId(ids[i]!), sequence, erasureMark(atMs));
  }

  #put(entity: Entity, id: string, since: number, attributes: RawFeatures): void {
    const all = Object.entries(attributes);
    const features = all.filter(([name]) => this.#isFeature(entity, name));
    const isAll = features.length === all.length;
    this.#rows[entity].putSync(id, [since, isAll ? attributes : Object.fromEntries(features)]);
    if (isAll) return void this.#others[entity].removeSync(id);
    const others = all.filter(([name]) => !this.#isFeature(entity, name));
    this.#others[entity].putSync(id, Object.fromEntries(others));
  }

  #requireVersion(): void {
    const isNew = [versionKey, 'sequence'].every((key) => this.#meta.get(key) === undefined);
    if (isNew) this.#meta.putSync(versionKey, protocolVersion);
    else requireStateVersion(this.#meta.get(versionKey), this.#path);
  }

  async #write(what: string, run: () => void): Promise<void> {
    try {
      await this.#root.transaction(run);
    } catch (error) {
      throw storageError(error, this.#path, what);
    }
  }
}

function countOf(rows: Database): number {
  return (rows.getStats() as { entryCount?: number }).entryCount ?? 0;
}

/** One moment of a store, to be closed: what was overwritten since takes up room until then. */
class LmdbEntityView implements EntityView {
  readonly sequence: number;
  readonly #transaction: Transaction;
  readonly #rows: Rows;
  readonly #others: Others;

  constructor(
    transaction: Transaction,
    rows: Rows,
    others: Others,
    meta: Database<number, string>,
  ) {
    this.#transaction = transaction;
    this.#rows = rows;
    this.#others = others;
    this.sequence = meta.get(placeKey, { transaction }) ?? 0;
  }

  /** By id. */
  *rows(entity: Entity): Generator<EntityRow> {
    const { [entity]: rows } = this.#rows;
    const { [entity]: others } = this.#others;
    const transaction = this.#transaction;
    for (const { key: id, value } of rows.getRange({ transaction })) {
      const other = others.get(id, { transaction });
      yield { id, since: value[0], features: other ? { ...value[1], ...other } : value[1] };
    }
  }

  close(): void {
    this.#transaction.done();
  }
}
