import type { RawFeatures } from '../core/features/raw-features.js';

/**
 * What files say, put into an order: entities as they stand in the files, happenings by their time. It is the seam between
 * reading, which knows files and no cluster, and sending, which knows a cluster and no files.
 */
export interface ImportSource {
  /** Hash of what the files hold and of how it is read: the same files are the same import, so it can go on after a kill. */
  readonly id: string;
  readonly counts: ImportCounts;
  /** Items as they are known today, in batches, in the order of the files; only those behind `after`. */
  items(after: number): AsyncIterable<readonly ImportedEntity[]>;
  users(after: number): AsyncIterable<readonly ImportedEntity[]>;
  /**
   * Events, aliases, and changes of items and users that have a time, in order of time: at the same time changes come before
   * aliases and these before events, then by file and line. Only those behind `after`.
   */
  happenings(after: number): AsyncIterable<readonly Happening[]>;
  close(): Promise<void>;
}

export interface ImportedEntity {
  /** From 1, of its kind. Positions are the same each time that the same files are opened. */
  readonly position: number;
  readonly id: string;
  /** By name, as `starling.ingest.items` takes them; null: the file says that there is none. */
  readonly attributes: RawFeatures;
}

/** An event as `starling.ingest.event` takes it. */
export interface ImportedEvent {
  /** Of the file, or made of what its row says where it has none: the same whenever the row is read. */
  readonly id: string;
  readonly type?: string;
  readonly user?: string;
  readonly visitor?: string;
  readonly item: string;
  readonly label?: 0 | 1;
  readonly value?: number;
  readonly order?: string;
  readonly quantity?: number;
  readonly currency?: string;
  readonly requestId?: string;
  /** In milliseconds since 1970. */
  readonly timestamp: number;
  readonly context?: RawFeatures;
}

export type Happening =
  | {
      readonly position: number;
      readonly kind: 'event';
      readonly timestampMs: number;
      readonly event: ImportedEvent;
    }
  | {
      readonly position: number;
      readonly kind: 'alias';
      readonly timestampMs: number;
      readonly visitor: string;
      readonly user: string;
    }
  | {
      /** What was told of an item or a user then: files with a column of time. */
      readonly position: number;
      readonly kind: 'item' | 'user';
      readonly timestampMs: number;
      readonly id: string;
      readonly attributes: RawFeatures;
    };

/** Of rows of the files. Those of events are in exactly one of: a happening, repeated, refused, without a time. */
export interface ImportCounts {
  /** Entities without a time; those with one are `changes`. */
  readonly items: number;
  readonly users: number;
  readonly aliases: number;
  /** Rows of items and users that have a time. */
  readonly changes: number;
  /** Happenings of kind `event`: rows less the three below. */
  readonly events: number;
  /** Of `events`, by type; those that name none are ''. */
  readonly byType: Readonly<Record<string, number>>;
  readonly eventRows: number;
  /** Rows with an id that an earlier event has. */
  readonly repeated: number;
  /** Rows that can't be read, of all files. With `--skip-bad` they are left out; without it nothing is imported. */
  readonly refused: number;
  /** Of these, rows of events. */
  readonly refusedEvents: number;
  /** Rows with a date that stands for none, as of the year 9999. */
  readonly timeless: number;
  /** Of `events`: the item is in none of the files of items. Absent where there is no such file. */
  readonly unknownItems?: number;
  /** Of `events`: without a user; and of these, with a visitor whom an alias names. */
  readonly withoutUser: number;
  readonly namedLater: number;
  /** Rows of events with a time before that of an earlier row of their file. */
  readonly behind: number;
}
