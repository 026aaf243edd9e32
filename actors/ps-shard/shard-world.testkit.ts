import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import type { PartitionEntry } from '../../messages/ownership.js';
import { followRows } from '../../replication/follow-rows.js';
import { MemoryBucket } from '../../replication/memory-bucket.testkit.js';
import { MemoryLog } from '../../runtime/followers/memory-log.testkit.js';
import { MemorySnapshots } from '../../runtime/stores/memory-snapshots.testkit.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import { oneSlot } from '../../replication/trained-rows.testkit.js';
import type { LogBus } from './partition-log.js';
import type { HolderPorts } from './held-partition.js';
import { HeldPartition } from './held-partition.js';
import { HeldPartitions } from './held-partitions.js';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What lies between a shard and the servers; by default nothing. */
export interface Wire {
  readonly log: LogBus & Pick<MemoryLog, 'tail'>;
  readonly bucket: Pick<MemoryBucket, 'names' | 'bucketEntry' | 'bucketUpdate' | 'bucketWatch'>;
}

/** The servers of a cluster with one partition, in memory. */
export class ShardWorld {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog(this.clock);
  readonly bucket = new MemoryBucket(this.clock);
  readonly store = new MemorySnapshots();
  readonly #directories: PartitionDirectory[] = [];

  async directory({ bucket }: Pick<Wire, 'bucket'> = this): Promise<PartitionDirectory> {
    const directory = await PartitionDirectory.open(bucket);
    this.#directories.push(directory);
    return directory;
  }

  /** As a leader of term 1 would, whatever was there before. */
  async name(entry: Omit<PartitionEntry, 'term'>, partition = 0): Promise<void> {
    const directory = this.#directories[0] ?? (await this.directory());
    const before = await directory.refresh(partition);
    await directory.update(partition, { ...entry, term: 1 }, before);
  }

  /** A shard with the partitions that the directory has. */
  async shard(index: number, wire: Wire = this): Promise<Shard> {
    const directory = await this.directory(wire);
    const crashes: unknown[] = [];
    const ports: HolderPorts = {
      address: `train.ps-shard.${index}`,
      index,
      directory,
      requireLease: async () => undefined,
      shape: oneSlot,
      bus: wire.log,
      log: silent,
      crash: (error) => void crashes.push(error),
      figures: { flushMs: new LatencyHistogram(), flushes: 0, rows: 0, bytes: 0 },
      flushRowsMax: 100,
      pauseMsMax: 0,
      follow: (target, onError) =>
        followRows(target, {
          context: { bus: wire.log, log: silent },
          shape: oneSlot,
          store: this.store,
          onError,
        }),
    };
    const held = new HeldPartitions({
      address: ports.address,
      make: (number) => new HeldPartition(number, ports),
    });
    return { held, directory, crashes, ports };
  }
}

export interface Shard {
  readonly held: HeldPartitions;
  readonly directory: PartitionDirectory;
  readonly crashes: unknown[];
  readonly ports: HolderPorts;
}

/** Applies one batch to one key, as a push does; resolves when it is durable. */
export async function pushTo(
  found: HeldPartition,
  batch: number,
  { key = 1, epoch }: { readonly key?: number; readonly epoch?: number } = {},
): Promise<void> {
  const publisher = found.owned(epoch);
  const { partition } = found;
  if (partition.standing(Float64Array.of(batch)) === 'none') {
    const gradients = Float32Array.of(1, 1);
    partition.rows.push(Uint32Array.of(1), 0, Uint32Array.of(key, 0), 0, gradients, 0, 5, batch);
    partition.enter({ batches: Float64Array.of(batch), atSeconds: 5, trail: undefined }, 0);
    publisher.changed();
  }
  await publisher.durable();
}
