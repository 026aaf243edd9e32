import { StarlingError } from '../core/base/errors.js';
import { partitionSource } from '../core/embedding/snapshot/partition-snapshot.js';
import { IntervalSet } from '../core/base/interval-set.js';
import { namedSlots } from '../core/blueprint/named-slots.js';
import { trainingDataCenter } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { SnapshotManifest, SnapshotObject } from '../messages/snapshots.js';
import { encodeManifest } from '../messages/snapshots.js';
import { keptState, newestState } from '../replication/network-log.js';
import { rebuildPartition } from '../replication/rebuild.js';
import { savePartition } from '../replication/snapshot-writer.js';
import type { TrainedShape } from '../replication/trained-partition.js';
import type { ActorContext } from '../runtime/actor.js';
import type { Bus } from '../runtime/bus/bus.js';
import { openSnapshots } from '../runtime/stores/open-snapshots.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import { snapshotId } from '../runtime/stores/snapshot-store.js';

export interface Cluster {
  readonly bus: Bus;
  readonly config: ClusterConfig;
}

export interface TransferOptions {
  readonly from: Cluster;
  readonly to: Cluster;
  /** Of the cluster the rows come from. */
  readonly shape: TrainedShape;
  /** Of its DELTAS; undefined: as it is now. */
  readonly sequence?: number | undefined;
  readonly log: ActorContext['log'];
  readonly progress: (text: string) => void;
}

const denseName = 'dense';

/**
 * Puts the rows and the network of one cluster, as they were at a moment, into the snapshots of another, which may have
 * other shards and another number of partitions. One partition at a time is rebuilt here, from snapshot and log, so it
 * is exact and needs memory for just that one.
 *
 * @returns the snapshot's id. It is for one restore: remove it then.
 * @throws StarlingError CORRUPT when the log does not reach back as far.
 */
export async function transfer(options: TransferOptions): Promise<string> {
  const { from, to, shape, progress } = options;
  const sequence =
    options.sequence ?? (await from.bus.streamState(from.bus.names.stream.deltas)).lastSequence;
  // Now, and not when the rows are copied: they are of this moment, and the cluster learns on.
  const network = await networkAt(from.bus, options.sequence);
  const context = { bus: from.bus, log: options.log };
  const source = openSnapshots(from.bus, from.config, trainingDataCenter(from.config));
  const target = openSnapshots(to.bus, to.config, trainingDataCenter(to.config));
  const snapshot = snapshotId(Date.now());
  const pace = new Pace(to.bus.clock, to.config.snapshots.bytesPerSecondMax);
  const objects: SnapshotObject[] = [];
  for (let partition = 0; partition < shape.partitionCount; partition++) {
    const rebuilt = await rebuildPartition(partition, sequence, { context, store: source, shape });
    const object = await savePartition(target, snapshot, pace, {
      partition,
      partitionCount: shape.partitionCount,
      source: partitionSource(rebuilt.rows, shape.tables),
      createdAtMs: Date.now(),
      // Of another log: here it stands for nothing that was applied.
      mark: {
        specHash: shape.hash,
        partition,
        epoch: 0,
        deltaNumber: 0,
        sequence: 0,
        applied: new IntervalSet().encode(),
        resolved: 0,
        atSeconds: rebuilt.atSeconds,
      },
    });
    objects.push({ ...object, endSequence: 0 });
    progress(`partition ${partition}: ${object.rows} rows, ${object.bytes} bytes`);
  }
  const dense = await target.put(snapshot, denseName, network);
  const manifest: SnapshotManifest = {
    snapshot,
    createdAtMs: Date.now(),
    specHash: shape.hash,
    partitionCount: shape.partitionCount,
    slots: namedSlots(from.config),
    objects,
    dense,
  };
  await target.putManifest(snapshot, encodeManifest(manifest));
  return snapshot;
}

/** The newest state, or that of an earlier moment; of before the log, the oldest one. */
async function networkAt(bus: Bus, sequence: number | undefined): Promise<readonly Uint8Array[]> {
  const found =
    sequence === undefined
      ? (await newestState(bus))?.parts
      : await keptState(bus, (at, isFirst) => at <= sequence || isFirst);
  if (found) return found;
  throw new StarlingError('NOT_READY', 'the cluster has not written its network yet.');
}
