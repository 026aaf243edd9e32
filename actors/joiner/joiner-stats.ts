import { outcomeNames } from '../../core/blueprint/join-rules.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import {
  countersByOutcome,
  flatCounters,
  sumOf,
  zeroEvents,
  zeroLane,
  zeroOutcome,
} from '../../core/joining/join-counts.js';
import type { JoinCounters } from '../../core/joining/types.js';
import type { StatsOf } from '../../messages/actor-kinds.js';

/** What one partition says of itself. */
export interface PartitionFigures {
  readonly counters: JoinCounters;
  /** Sequences of JOIN. */
  readonly consumed: number;
  readonly published: number;
  readonly outboxPending: number;
  readonly batchesPublished: number;
  readonly latency: LatencyHistogram;
  /** Null: no event came. */
  readonly watermarkMs: number | null;
}

/** @param batchesBefore messages that were published of partitions that are with another joiner now. */
export function joinerStats(
  config: ClusterConfig,
  held: ReadonlyMap<number, PartitionFigures>,
  batchesBefore: number,
): StatsOf<'joiner'> {
  const all = [...held.values()];
  const counters = all.map((each) => each.counters).reduce(sumOf, nothing());
  const latency = new LatencyHistogram();
  for (const each of all) latency.merge(each.latency);
  const watermarks = all.flatMap(({ watermarkMs }) => watermarkMs ?? []);
  const sum = (of: (each: PartitionFigures) => number): number =>
    all.reduce((total, each) => total + of(each), 0);
  const byPartition = (of: (each: PartitionFigures) => number): Record<string, number> =>
    Object.fromEntries([...held].map(([partition, each]) => [String(partition), of(each)]));
  return {
    ...flatCounters(counters),
    outcomes: countersByOutcome(counters, outcomeNames(config)[0]!),
    lanes:
      counters.imported.actions + counters.imported.duplicates > 0
        ? { import: { ...counters.imported } }
        : {},
    partitions: [...held.keys()].sort((a, b) => a - b),
    consumed: byPartition((each) => each.consumed),
    published: byPartition((each) => each.published),
    outboxPending: sum((each) => each.outboxPending),
    batchesPublished: batchesBefore + sum((each) => each.batchesPublished),
    flushP50Ms: latency.quantile(0.5),
    flushP99Ms: latency.quantile(0.99),
    watermarkMs: watermarks.length === 0 ? null : Math.max(...watermarks),
  };
}

function nothing(): JoinCounters {
  return { ...zeroEvents(), ...zeroOutcome(), others: {}, imported: zeroLane() };
}
