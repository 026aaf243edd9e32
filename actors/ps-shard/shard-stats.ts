import type { HeldPartition } from './held-partition.js';
import type { HeldPartitions } from './held-partitions.js';
import type { PublishFigures } from './partition-publisher.js';

/** What a shard says of the partitions that it has. */
export function partitionStats(held: Pick<HeldPartitions, 'all' | 'owned' | 'copied'>) {
  const { all, owned, copied } = held;
  const watermarks = owned.map(({ partition }) => partition.applied.watermark);
  return {
    partitions: owned.map(({ number }) => number),
    copies: copied.map(({ number }) => number),
    rows: sum(owned, ({ partition }) => partition.rows.rowCount),
    copiedRows: sum(copied, ({ partition }) => partition.rows.rowCount),
    recoveredDeltas: sum(all, ({ stats }) => stats.deltas),
    resyncs: sum(all, ({ stats }) => stats.resyncs),
    rowsEvicted: sum(owned, ({ partition }) => partition.rows.evictionCount),
    rowBytes: sum(owned, ({ partition }) => partition.rows.bytes),
    appliedThrough: owned.length === 0 ? null : Math.min(...watermarks),
    batchesApplied: Object.fromEntries(
      owned.map(({ number, partition }) => [number, partition.applied.count]),
    ),
  };
}

export function publishStats({ flushes, rows, bytes, flushMs }: PublishFigures) {
  return {
    deltaFlushes: flushes,
    deltaRows: rows,
    deltaBytes: bytes,
    flushP50Ms: flushMs.quantile(0.5),
    flushP99Ms: flushMs.quantile(0.99),
  };
}

function sum(held: readonly HeldPartition[], measure: (each: HeldPartition) => number): number {
  return held.reduce((total, each) => total + measure(each), 0);
}
