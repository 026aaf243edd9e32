import { IntervalSet } from '../core/base/interval-set.js';
import { systemClock } from '../runtime/system.js';
import type { TableSpec } from '../core/embedding/embedding-table.js';
import { encode } from '../messages/codec.js';
import type { RowsDelta, StoredSlot } from '../messages/deltas.js';
import { rowsMessage } from '../messages/deltas.js';
import type { SnapshotMark, SnapshotObject } from '../messages/snapshots.js';
import { encodeManifest } from '../messages/snapshots.js';
import { subject } from '../messages/default-names.testkit.js';
import { mainModel } from '../messages/model-name.js';
import { partitionSource } from '../core/embedding/snapshot/partition-snapshot.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import type { MemoryLog } from '../runtime/followers/memory-log.testkit.js';
import type { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { savePartition } from './snapshot-writer.js';
import type { TrainedPartition, TrainedShape } from './trained-partition.js';

const table: TableSpec = {
  slot: 0,
  dim: 2,
  initializer: { kind: 'zeros' },
  optimizer: { kind: 'sgd', learningRate: 1 },
  admission: { kind: 'always' },
  seed: 1,
};

/** One slot of two weights; one partition, so that each key is in it. */
export const oneSlot: TrainedShape = {
  tables: [table],
  capacity: undefined,
  slotCount: 1,
  dim: 2,
  hash: 'abc',
  partitionCount: 1,
};

/** As its rows are in a log and in a snapshot. */
export const storedSlots: readonly StoredSlot[] = [{ slot: 0, dim: 2, stateWidth: 0 }];

/** A delta that sets the row of key `deltaNumber` to its number, and has the batches up to it. */
export function deltaOf(deltaNumber: number, change: Partial<RowsDelta> = {}): RowsDelta {
  const applied = new IntervalSet();
  for (let batch = 1; batch <= deltaNumber; batch++) applied.add(batch);
  return {
    specHash: oneSlot.hash,
    partition: 0,
    epoch: 1,
    deltaNumber,
    part: 0,
    last: true,
    evictedCounts: new Uint32Array(1),
    evicted: new Uint32Array(0),
    counts: Uint32Array.of(1),
    fids: Uint32Array.of(deltaNumber, 0),
    weights: Float32Array.of(deltaNumber, -deltaNumber),
    state: new Float32Array(0),
    updatedAt: Uint32Array.of(100),
    updateCounts: Uint32Array.of(1),
    applied: applied.encode(),
    resolved: deltaNumber,
    trail: undefined,
    appliedAtMs: 0,
    atSeconds: 100,
    ...change,
  };
}

export function writeDelta(log: MemoryLog, delta: RowsDelta): Promise<number> {
  return log.append(
    subject.deltaRows(mainModel, delta.partition),
    encode(rowsMessage(delta, storedSlots)),
  );
}

/** Returns the sequences. */
export async function writeDeltas(log: MemoryLog, ...numbers: number[]): Promise<number[]> {
  const sequences = [];
  for (const number of numbers) sequences.push(await writeDelta(log, deltaOf(number)));
  return sequences;
}

/** Weights of the row of a key; zeros where there is none. */
export function rowOf({ rows }: Pick<TrainedPartition, 'rows'>, key: number): number[] {
  const row = new Float32Array(2);
  rows.pull(Uint32Array.of(1), 0, Uint32Array.of(key, 0), 0, row, 0);
  return [...row];
}

export type Place = Pick<SnapshotMark, 'epoch' | 'deltaNumber' | 'sequence'>;

export function markOf(partition: TrainedPartition, place: Place): SnapshotMark {
  const { applied, resolved, atSeconds, number } = partition;
  return {
    ...place,
    specHash: oneSlot.hash,
    partition: number,
    applied: applied.encode(),
    resolved,
    atSeconds,
  };
}

/** A snapshot of one partition as it is now. */
export async function takeSnapshot(
  store: MemorySnapshots,
  snapshot: string,
  partition: TrainedPartition,
  place: Place,
  { specHash = oneSlot.hash } = {},
): Promise<SnapshotObject> {
  const saved = await savePartition(store, snapshot, new Pace(systemClock, 1e9), {
    createdAtMs: 0,
    partition: partition.number,
    partitionCount: oneSlot.partitionCount,
    source: partitionSource(partition.rows, oneSlot.tables),
    mark: markOf(partition, place),
  });
  const object = { ...saved, endSequence: place.sequence };
  const manifest = {
    snapshot,
    createdAtMs: 1,
    specHash,
    partitionCount: oneSlot.partitionCount,
    slots: [{ slot: 0, name: 'user', dim: 2 }],
    objects: [object],
  };
  await store.putManifest(snapshot, encodeManifest(manifest));
  return object;
}
