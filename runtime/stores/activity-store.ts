import type { ActivityState } from '../../core/activity/activity-state.js';

/** By joiner, the place of the newest of its activity that is in: a record of JOIN, and a number among what comes of it. */
export type TakenActivity = Readonly<Record<string, readonly [sequence: number, index: number]>>;

export interface ActivityPlace {
  /** Of ACTIVITY: all up to here is in; 0: none. */
  readonly sequence: number;
  readonly taken: TakenActivity;
}

export interface ActivityWrite extends ActivityPlace {
  /** Undefined: removed. */
  readonly states: ReadonlyMap<string, ActivityState | undefined>;
}

/** One moment of a store, to be closed: what was overwritten since takes up room until then. */
export interface ActivityView {
  readonly place: ActivityPlace;
  /** By key. */
  states(): Iterable<readonly [key: string, state: ActivityState]>;
  close(): void;
}

/** What is kept of people and items, with the place in the log that it stands for. */
export interface ActivityStore {
  readonly place: ActivityPlace;
  readonly count: number;
  get(key: string): ActivityState | undefined;
  /**
   * Writes all or nothing. @param what is asked for when it is written, so that it goes with its place.
   * @throws StarlingError STORAGE_FULL when the disk or the map is full.
   */
  write(what: () => ActivityWrite): Promise<void>;
  /** @throws StarlingError STORAGE_FULL */
  reset(): Promise<void>;
  /** All states as they are now, whatever is written while they are read. */
  view(): ActivityView;
  close(): Promise<void>;
}
