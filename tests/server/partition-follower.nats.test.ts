import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../runtime/system.js';
import { pino } from 'pino';
import { partitionOf } from '../../core/base/fid.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import type { TableSpec } from '../../core/embedding/embedding-table.js';
import { partitionSource } from '../../core/embedding/snapshot/partition-snapshot.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import type { RowsDelta } from '../../messages/deltas.js';
import { rowsMessage } from '../../messages/deltas.js';
import { encodeManifest } from '../../messages/snapshots.js';
import type { SnapshotObject } from '../../messages/snapshots.js';
import { subject } from '../../messages/default-names.testkit.js';
import { followRows } from '../../replication/follow-rows.js';
import type { PartitionFollower } from '../../replication/partition-follower.js';
import { savePartition } from '../../replication/snapshot-writer.js';
import { TrainedPartition } from '../../replication/trained-partition.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { Pace } from '../../runtime/stores/chunk-pace.js';
import { StreamSnapshots } from '../../runtime/stores/stream-snapshots.js';
import type { MessageServer } from '../support/message-server.js';
import { declareOnly, startMessageServer } from '../support/message-server.js';
import { mainModel } from '../../messages/model-name.js';

const table: TableSpec = {
  slot: 0,
  dim: 2,
  initializer: { kind: 'zeros' },
  optimizer: { kind: 'sgd', learningRate: 0.1 },
  admission: { kind: 'always' },
  seed: 1,
};
const shape = {
  tables: [table],
  capacity: undefined,
  slotCount: 1,
  dim: 2,
  hash: 'abc',
  partitionCount: 16,
};

let server: MessageServer;
let bus: NatsBus;
let partition = 0;
const followers: PartitionFollower<RowsDelta>[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await declareOnly(bus, ['DELTAS', 'SNAPSHOTS_TRAIN']);
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.stop();
  errors.splice(0);
  // A log of its own for each test.
  partition++;
});

/** The nth key that hashes to the partition. */
function keyOf(n: number): number {
  for (let key = 1, found = 0; ; key++)
    if (partitionOf(key, 0, shape.partitionCount) === partition && ++found === n) return key;
}

/** A delta that sets the row of the nth key to its number; batch `deltaNumber` is applied. */
function delta(deltaNumber: number, change: Partial<RowsDelta> = {}): RowsDelta {
  const applied = new IntervalSet();
  for (let batch = 1; batch <= deltaNumber; batch++) applied.add(batch);
  return {
    specHash: shape.hash,
    partition,
    epoch: 1,
    deltaNumber,
    part: 0,
    last: true,
    evictedCounts: new Uint32Array(1),
    evicted: new Uint32Array(0),
    counts: Uint32Array.of(1),
    fids: Uint32Array.of(keyOf(deltaNumber), 0),
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

const write = (record: RowsDelta) =>
  bus.append(
    subject.deltaRows(mainModel, partition),
    encode(rowsMessage(record, [{ ...table, stateWidth: 0 }])),
  );

async function writeAll(...numbers: number[]): Promise<void> {
  for (const number of numbers) await write(delta(number));
}

const store = () => new StreamSnapshots(bus, { stream: 'SNAPSHOTS_TRAIN', dataCenter: 'train' });

function follower(untilSequence?: number) {
  const target = new TrainedPartition(partition, shape);
  const made = followRows(target, {
    context: { bus, log: pino({ level: 'silent' }) },
    store: store(),
    shape,
    onError: (error) => errors.push(error),
    ...(untilSequence === undefined ? {} : { untilSequence }),
  });
  followers.push(made);
  return { follower: made, target };
}

/** A snapshot of what a follower has now. */
async function takeSnapshot(name: string, from: ReturnType<typeof follower>): Promise<void> {
  const { epoch, deltaNumber } = from.follower.position;
  const saved = await savePartition(store(), name, new Pace(systemClock, 1e9), {
    createdAtMs: 0,
    partition,
    partitionCount: shape.partitionCount,
    source: partitionSource(from.target.rows, shape.tables),
    mark: {
      specHash: shape.hash,
      partition,
      epoch,
      deltaNumber,
      sequence: from.follower.sequence,
      applied: from.target.applied.encode(),
      resolved: from.target.resolved,
      atSeconds: from.target.atSeconds,
    },
  });
  const objects: SnapshotObject[] = [{ ...saved, endSequence: from.follower.sequence }];
  await store().putManifest(
    name,
    encodeManifest({
      snapshot: name,
      createdAtMs: 1,
      specHash: shape.hash,
      partitionCount: shape.partitionCount,
      slots: [{ slot: table.slot, name: 'item', dim: table.dim }],
      objects,
    }),
  );
}

describe('a follower of a partition', () => {
  test('has all that is in the log when it has started, and what comes later when it has caught up', async () => {
    await writeAll(1, 2, 3);
    const { follower: made, target } = follower();
    await made.start();
    expect(target.applied.watermark).toBe(3);
    await writeAll(4, 5);
    await made.catchUp();
    expect(target.applied.watermark).toBe(5);
    expect(target.rows.rowCount).toBe(5);
    expect(made.position).toEqual({ epoch: 1, deltaNumber: 5 });
    expect(errors).toEqual([]);
  });

  test('takes a delta once, whatever comes twice, and nothing of a fenced owner', async () => {
    await writeAll(1, 2);
    await write(delta(3, { epoch: 2 }));
    await write(delta(3, { epoch: 2 }));
    await write(delta(4, { epoch: 1, weights: Float32Array.of(77, 77) }));
    await writeAll(2);
    await write(delta(4, { epoch: 2 }));
    const { follower: made, target } = follower();
    await made.start();
    expect(target.rows.rowCount).toBe(4);
    const rows = new Float32Array(2);
    target.rows.pull(Uint32Array.of(1), 0, Uint32Array.of(keyOf(4), 0), 0, rows, 0);
    expect([...rows]).toEqual([4, -4]);
    expect(made.stats).toMatchObject({ deltas: 4, resyncs: 0 });
  });

  test('takes the parts of a delta together or not at all', async () => {
    await writeAll(1);
    await write(delta(2, { last: false }));
    const { follower: made, target } = follower();
    await made.start();
    expect(target.rows.rowCount).toBe(1);
    await write(delta(2, { part: 1, fids: Uint32Array.of(keyOf(99), 0) }));
    await made.catchUp();
    expect(target.rows.rowCount).toBe(3);
  });

  test('begins from a snapshot, and reads the log from there', async () => {
    await writeAll(1, 2, 3);
    const first = follower();
    await first.follower.start();
    await takeSnapshot(`0000000000001-${partition}`, first);
    await writeAll(4);
    const second = follower();
    await second.follower.start();
    expect(second.target.applied.watermark).toBe(4);
    expect(second.follower.stats.deltas).toBe(1);
    expect(second.target.rows.digest()).toBe(await rebuiltDigest(first));
  });

  test('mends a gap by itself, from a snapshot that covers it', async () => {
    await writeAll(1, 2);
    const leader = follower();
    await leader.follower.start();
    const lagging = follower();
    await lagging.follower.start();
    // Delta 3 is in the snapshot and nowhere else.
    leader.target.apply([delta(3)]);
    const { epoch } = leader.follower.position;
    Object.defineProperty(leader.follower, 'position', { value: { epoch, deltaNumber: 3 } });
    await takeSnapshot(`0000000000002-${partition}`, leader);
    await write(delta(4));
    await lagging.follower.catchUp();
    expect(lagging.target.applied.watermark).toBe(4);
    expect(lagging.target.rows.rowCount).toBe(4);
    expect(lagging.follower.stats.resyncs).toBe(1);
    expect(errors).toEqual([]);
  });

  test('reports a gap that nothing covers', async () => {
    await writeAll(1, 2, 4);
    const { follower: made } = follower();
    await expect(made.start()).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(errors).toHaveLength(1);
  });

  test('passes over a message that is no delta', async () => {
    await writeAll(1);
    await bus.append(subject.deltaRows(mainModel, partition), Uint8Array.of(0xff, 0, 1));
    await bus.append(
      subject.deltaRows(mainModel, partition),
      encode({ v: protocolVersion, deltaNumber: 'two' }),
    );
    await writeAll(2);
    const { follower: made, target } = follower();
    await made.start();
    expect(target.applied.watermark).toBe(2);
    expect(made.stats).toMatchObject({ badMessages: 2, resyncs: 0 });
  });

  test('stops at a sequence, for time travel', async () => {
    const sequences = [];
    for (const number of [1, 2, 3, 4]) sequences.push(await write(delta(number)));
    const { follower: made, target } = follower(sequences[1]);
    await made.start();
    expect(target.applied.watermark).toBe(2);
    expect(target.rows.rowCount).toBe(2);
  });

  test('of another specification ends with an error', async () => {
    await write(delta(1, { specHash: 'other' }));
    const { follower: made } = follower();
    await made.start();
    expect(errors[0]).toMatchObject({ cause: { code: 'SPEC_MISMATCH' } });
  });
});

async function rebuiltDigest({ target }: ReturnType<typeof follower>): Promise<string> {
  target.apply([delta(4)]);
  return target.rows.digest();
}
