import type { RawFeatures } from '../../core/features/raw-features.js';
import type { EntityRows } from '../../messages/feature-snapshots.js';
import type { FeatureChange } from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';

/** A record of the log; without a change: one that says nothing. */
export interface EntityRecord {
  readonly change: FeatureChange | undefined;
  readonly sequence: number;
}

export interface EntityRow {
  readonly id: string;
  /** The place in the log of the record that told of the entity first. */
  readonly since: number;
  /** All attributes. */
  readonly features: RawFeatures;
}

/** One moment of a store, to be closed: what was overwritten since takes up room until then. */
export interface EntityView {
  readonly sequence: number;
  /** By id. */
  rows(entity: Entity): Iterable<EntityRow>;
  close(): void;
}

/**
 * Attributes by entity id, with the log position they stand for, written in one transaction: a store that was killed goes on
 * exactly where its rows are.
 *
 * While a snapshot is put in there is no position: should it die then, it begins from nothing.
 */
export interface EntityStore {
  /** Of the log: all changes up to here are in; 0: none. */
  readonly sequence: number;
  readonly entityCount: number;
  /** Its features: what the model looks at is read without the rest. */
  get(entity: Entity, id: string): RawFeatures | undefined;
  /** All of its attributes, features among them. */
  attributes(entity: Entity, id: string): RawFeatures | undefined;
  /** @throws StarlingError STORAGE_FULL when the disk or the map is full; nothing of the change is in then. */
  take(change: FeatureChange | undefined, sequence: number): Promise<void>;
  /** Several, in order and in one transaction. @throws StarlingError STORAGE_FULL; none is in then. */
  takeAll(records: readonly EntityRecord[]): Promise<void>;
  /** @throws StarlingError STORAGE_FULL */
  reset(): Promise<void>;
  /** Rows of a snapshot. @throws StarlingError STORAGE_FULL */
  add(rows: EntityRows): Promise<void>;
  /** All rows of a snapshot are in. @throws StarlingError STORAGE_FULL */
  restored(sequence: number): Promise<void>;
  /** All rows as they are now, whatever is written while they are read. */
  view(): EntityView;
  close(): Promise<void>;
}
