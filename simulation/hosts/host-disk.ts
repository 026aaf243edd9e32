import { StarlingError } from '../../core/base/errors.js';
import type { JoinProgress } from '../../core/joining/types.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { entities, type Entity } from '../../messages/subjects.js';
import type { ActivityPlace } from '../../runtime/stores/activity-store.js';

/** What is left of a joiner's window. */
export interface StoredWindow {
  readonly window: string;
  progress: JoinProgress | undefined;
  readonly records: Map<number, Uint8Array>;
  consumed: Readonly<Record<string, number>>;
  readonly outbox: Map<number, Uint8Array>;
  spec: string | undefined;
  outboxNumberLast: number;
}

export type StoredRows = Map<string, readonly [since: number, features: RawFeatures]>;

export interface StoredEntities {
  sequence: number;
  readonly rows: Readonly<Record<Entity, StoredRows>>;
}

export interface StoredActivity {
  place: ActivityPlace;
  readonly states: Map<string, Uint8Array>;
}

/** What a joiner has of its window when it starts: its store, or none; and whether it then takes a snapshot. */
export const windowBeginnings = ['store', 'no store', 'snapshot'] as const;
export type WindowBeginning = (typeof windowBeginnings)[number];

/** The disk of a simulated machine: what is on it outlives its processes. */
export class HostDisk {
  readonly #windows = new Map<string, StoredWindow>();
  readonly #entities = new Map<string, StoredEntities>();
  readonly #activity = new Map<string, StoredActivity>();
  readonly #epochs = new Map<string, number>();
  /** How often joiners have begun with what. */
  readonly beginnings = new Map<WindowBeginning, number>();
  /** Of the supervisor that ran last. */
  life: string | undefined;
  /** Nothing more can be written. */
  full = false;

  /** @throws StarlingError STORAGE_FULL */
  requireRoom(what: string): void {
    if (this.full) throw new StarlingError('STORAGE_FULL', `${what}: the disk is full.`);
  }

  /** Of a partition, as a joiner has it. */
  window(address: string, partition: number): StoredWindow | undefined {
    return this.#windows.get(`${address}/${partition}`);
  }

  removeWindow(address: string, partition: number): void {
    this.#windows.delete(`${address}/${partition}`);
  }

  noteBeginning(beginning: WindowBeginning): void {
    this.beginnings.set(beginning, (this.beginnings.get(beginning) ?? 0) + 1);
  }

  /** What joiners had on it is gone. */
  loseWindows(): void {
    this.#windows.clear();
  }

  newWindow(address: string, partition: number, name: string): StoredWindow {
    const made: StoredWindow = {
      window: name,
      progress: undefined,
      records: new Map(),
      consumed: {},
      outbox: new Map(),
      spec: undefined,
      outboxNumberLast: 0,
    };
    this.#windows.set(`${address}/${partition}`, made);
    return made;
  }

  entities(address: string): StoredEntities {
    const known = this.#entities.get(address);
    if (known) return known;
    const rows = Object.fromEntries(entities.map((entity) => [entity, new Map()]));
    const made = { sequence: 0, rows: rows as unknown as StoredEntities['rows'] };
    this.#entities.set(address, made);
    return made;
  }

  activity(address: string): StoredActivity {
    const made = this.#activity.get(address) ?? {
      place: { sequence: 0, taken: {} },
      states: new Map<string, Uint8Array>(),
    };
    this.#activity.set(address, made);
    return made;
  }

  nextEpoch(address: string): number {
    this.requireRoom('epochs');
    const epoch = (this.#epochs.get(address) ?? 0) + 1;
    this.#epochs.set(address, epoch);
    return epoch;
  }

  raiseEpoch(address: string, epoch: number): void {
    this.#epochs.set(address, Math.max(epoch, this.#epochs.get(address) ?? 0));
  }
}
