import {
  erasureMark,
  erasureMarkId,
  forgottenUntilMs,
} from '../../core/features/forgotten-users.js';
import { sleep } from '../../core/base/clock.js';
import type { ActivityState } from '../../core/activity/activity-state.js';
import type { JoinRecord } from '../../core/joining/types.js';
import type { IsFeature } from '../../core/features/attributes.js';
import { changedBy } from '../../core/features/entity-change.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { decode, encode } from '../../messages/codec.js';
import type { EntityRows } from '../../messages/feature-snapshots.js';
import { modeOf, type FeatureChange } from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';
import { entities } from '../../messages/subjects.js';
import type {
  ActivityPlace,
  ActivityStore,
  ActivityView,
  ActivityWrite,
} from '../../runtime/stores/activity-store.js';
import type { ActorStores } from '../../runtime/stores/actor-stores.js';
import type {
  EntityRecord,
  EntityRow,
  EntityStore,
  EntityView,
} from '../../runtime/stores/entity-store.js';
import type {
  JoinCommit,
  JoinState,
  JoinStore,
  JoinView,
} from '../../runtime/stores/join-store.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import type { HostDisk, StoredActivity, StoredEntities, StoredWindow } from './host-disk.js';

/** What an actor keeps on the disk of its machine. */
export function storesOn(disk: HostDisk, process: SimulatedProcess, address: string): ActorStores {
  const open = (stored: StoredWindow): JoinStore => new DiskJoinStore(disk, process, stored);
  const made = (partition: number): StoredWindow =>
    disk.newWindow(address, partition, process.random.id());
  return {
    joinStore: (partition) => {
      const found = disk.window(address, partition);
      disk.noteBeginning(found ? 'store' : 'no store');
      return open(found ?? made(partition));
    },
    newJoinStore: async (partition) => open(made(partition)),
    removeJoinStore: async (partition) => disk.removeWindow(address, partition),
    entityStore: (isFeature) =>
      new DiskEntityStore(disk, process, disk.entities(address), isFeature),
    activityStore: () => new DiskActivityStore(disk, process, disk.activity(address)),
  };
}

/** A flush of a disk, milliseconds. */
const flushMs = { from: 0.3, to: 6 } as const;

/** Writes all of it or nothing: who dies meanwhile may have written it, and may not. */
async function written(
  disk: HostDisk,
  process: SimulatedProcess,
  write: () => void,
): Promise<void> {
  disk.requireRoom('writing');
  const ms = process.random.between(flushMs.from, flushMs.to);
  const before = process.random.between(0, ms);
  await sleep(process.clock, before);
  write();
  await sleep(process.clock, ms - before);
}

class DiskJoinStore implements JoinStore {
  readonly #disk: HostDisk;
  readonly #process: SimulatedProcess;
  readonly #stored: StoredWindow;

  constructor(disk: HostDisk, process: SimulatedProcess, stored: StoredWindow) {
    this.#disk = disk;
    this.#process = process;
    this.#stored = stored;
  }

  get window(): string {
    return this.#stored.window;
  }

  load(): JoinState {
    const { progress, records, consumed, outbox, spec, outboxNumberLast } = this.#stored;
    return {
      ...{ progress, spec },
      records: listed(records),
      consumed,
      outbox: listed(outbox),
      outboxNumberLast,
    };
  }

  commit({ changes, consumed, outbox, spec, confirmedThrough }: JoinCommit): Promise<void> {
    // The bytes are the caller's, who may use their room again.
    const put = changes.put.map(({ number, bytes }) => [number, bytes.slice()] as const);
    const remove = [...changes.remove];
    const made = outbox.map(({ number, bytes }) => [number, bytes.slice()] as const);
    const { progress } = changes;
    return written(this.#disk, this.#process, () => {
      const stored = this.#stored;
      for (const [number, bytes] of put) stored.records.set(number, bytes);
      for (const number of remove) stored.records.delete(number);
      for (const [number, bytes] of made) stored.outbox.set(number, bytes);
      if (confirmedThrough !== undefined) this.#removeThrough(confirmedThrough);
      stored.progress = progress;
      stored.consumed = consumed;
      stored.spec = spec ?? stored.spec;
      stored.outboxNumberLast = made.at(-1)?.[0] ?? stored.outboxNumberLast;
    });
  }

  confirm(throughNumber: number): Promise<void> {
    return written(this.#disk, this.#process, () => this.#removeThrough(throughNumber));
  }

  add(records: readonly JoinRecord[]): Promise<void> {
    if (this.#stored.records.size === 0) this.#disk.noteBeginning('snapshot');
    const added = records.map(({ number, bytes }) => [number, bytes.slice()] as const);
    return written(this.#disk, this.#process, () => {
      for (const [number, bytes] of added) this.#stored.records.set(number, bytes);
    });
  }

  view(): JoinView {
    const { progress, records, consumed, outboxNumberLast } = this.#stored;
    return {
      ...{ progress, consumed, outboxNumberLast },
      records: listed(records),
      close: () => undefined,
    };
  }

  get(number: number): Uint8Array | undefined {
    return this.#stored.records.get(number);
  }

  async close(): Promise<void> {
    // The disk has it.
  }

  #removeThrough(throughNumber: number): void {
    for (const number of this.#stored.outbox.keys())
      if (number <= throughNumber) this.#stored.outbox.delete(number);
  }
}

/** By number. */
function listed(entries: ReadonlyMap<number, Uint8Array>) {
  return [...entries]
    .sort(([a], [b]) => a - b)
    .map(([number, bytes]) => ({ number, bytes: bytes.slice() }));
}

class DiskActivityStore implements ActivityStore {
  readonly #disk: HostDisk;
  readonly #process: SimulatedProcess;
  readonly #stored: StoredActivity;

  constructor(disk: HostDisk, process: SimulatedProcess, stored: StoredActivity) {
    this.#disk = disk;
    this.#process = process;
    this.#stored = stored;
  }

  get place(): ActivityPlace {
    return this.#stored.place;
  }

  get count(): number {
    return this.#stored.states.size;
  }

  get(key: string): ActivityState | undefined {
    const bytes = this.#stored.states.get(key);
    return bytes && (decode(bytes) as ActivityState);
  }

  write(what: () => ActivityWrite): Promise<void> {
    return written(this.#disk, this.#process, () => {
      const { states, sequence, taken } = what();
      for (const [key, state] of states) {
        if (state) this.#stored.states.set(key, encode(state));
        else this.#stored.states.delete(key);
      }
      this.#stored.place = { sequence, taken };
    });
  }

  reset(): Promise<void> {
    return written(this.#disk, this.#process, () => {
      this.#stored.states.clear();
      this.#stored.place = { sequence: 0, taken: {} };
    });
  }

  view(): ActivityView {
    const { place, states } = this.#stored;
    const all = [...states].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      place,
      states: () => all.map(([key, bytes]) => [key, decode(bytes) as ActivityState] as const),
      close: () => undefined,
    };
  }

  async close(): Promise<void> {
    // The disk has it.
  }
}

class DiskEntityStore implements EntityStore {
  readonly #disk: HostDisk;
  readonly #process: SimulatedProcess;
  readonly #stored: StoredEntities;
  readonly #isFeature: IsFeature;

  constructor(
    disk: HostDisk,
    process: SimulatedProcess,
    stored: StoredEntities,
    isFeature: IsFeature,
  ) {
    this.#disk = disk;
    this.#process = process;
    this.#stored = stored;
    this.#isFeature = isFeature;
  }

  get sequence(): number {
    return this.#stored.sequence;
  }

  get entityCount(): number {
    return entities.reduce((sum, entity) => sum + this.#stored.rows[entity].size, 0);
  }

  get(entity: Entity, id: string): RawFeatures | undefined {
    const attributes = this.attributes(entity, id);
    if (!attributes) return undefined;
    const all = Object.entries(attributes);
    return Object.fromEntries(all.filter(([name]) => this.#isFeature(entity, name)));
  }

  attributes(entity: Entity, id: string): RawFeatures | undefined {
    return this.#stored.rows[entity].get(id)?.[1];
  }

  take(change: FeatureChange | undefined, sequence: number): Promise<void> {
    return this.takeAll([{ change, sequence }]);
  }

  takeAll(records: readonly EntityRecord[]): Promise<void> {
    return written(this.#disk, this.#process, () => {
      for (const { change, sequence } of records) {
        if (change) this.#put(change, sequence);
        this.#stored.sequence = sequence;
      }
    });
  }

  reset(): Promise<void> {
    return written(this.#disk, this.#process, () => {
      this.#stored.sequence = 0;
      for (const entity of entities) this.#stored.rows[entity].clear();
    });
  }

  add({ entity, ids, features, since }: EntityRows): Promise<void> {
    return written(this.#disk, this.#process, () => {
      ids.forEach((id, i) => this.#stored.rows[entity].set(id, [since[i]!, features[i]!]));
    });
  }

  restored(sequence: number): Promise<void> {
    return written(this.#disk, this.#process, () => void (this.#stored.sequence = sequence));
  }

  view(): EntityView {
    const { sequence, rows } = this.#stored;
    const copied = Object.fromEntries(entities.map((entity) => [entity, [...rows[entity]]]));
    return {
      sequence,
      rows: (entity): EntityRow[] =>
        copied[entity]!.sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, [since, features]]) => ({
          id,
          since,
          features,
        })),
      close: () => undefined,
    };
  }

  async close(): Promise<void> {
    // The disk has it.
  }

  #put(change: FeatureChange, sequence: number): void {
    const { entity, ids, features, erased, atMs = NaN } = change;
    const rows = this.#stored.rows[entity];
    ids.forEach((id, i) => {
      const [since, before] = rows.get(id) ?? [sequence, undefined];
      const mark = erasureMarkId(id);
      const isUser = entity === 'user';
      if (isUser && atMs <= forgottenUntilMs(rows.get(mark)?.[1])) return;
      if (isUser && erased?.[i] && !Number.isNaN(atMs))
        rows.set(mark, [sequence, erasureMark(atMs)]);
      if (erased?.[i]) rows.delete(id);
      else rows.set(id, [since, changedBy(before, features[i]!, modeOf(change, i))]);
    });
  }
}
