import type { StatsOf } from '../messages/actor-kinds.js';
import { actorsOf, type ActorStatus } from '../messages/actor-status.js';
import { totalsOf } from '../messages/stats/totals.js';
import type { Bus } from '../runtime/bus/bus.js';

/**
 * The books of a cluster at one moment: what the joiners, the parameter servers and the streams have counted since the
 * state folder was made. All of it survives restarts (the joiners' counters are committed with their windows, applied
 * batches with the rows), so the difference of two moments is true whatever was killed in between.
 */
export interface Books {
  readonly joined: JoinFigures;
  /** Messages of SAMPLES. */
  readonly batchesEmitted: number;
  /** Batches that are in the rows of each partition. */
  readonly batchesApplied: Readonly<Record<string, number>>;
  /** Batches that are in the network. */
  readonly denseBatchesApplied: number;
  /** Messages of DEAD_LETTER. */
  readonly deadLetters: number;
}

const joinNames = [
  'impressions',
  'actions',
  'positives',
  'negatives',
  'negativesDropped',
  'duplicates',
  'lateActions',
  'orphanActions',
  'lateImpressions',
  'ignoredImpressions',
  'open',
  'heldActions',
  'outboxPending',
] as const satisfies readonly (keyof StatsOf<'joiner'>)[];

/** Figures of all joiners together; `open`, `heldActions` and `outboxPending` are sizes, the others counters. */
export type JoinFigures = Readonly<Record<(typeof joinNames)[number], number>>;

/** @returns undefined while an actor that keeps a part of the books has not said anything yet. */
export async function readBooks(
  actors: readonly ActorStatus[],
  bus: Bus,
): Promise<Books | undefined> {
  const joined = totalsOf(actorsOf(actors, 'joiner'), joinNames);
  const applied = appliedIn(actorsOf(actors, 'ps-shard'));
  const dense = totalsOf(actorsOf(actors, 'dense-shard'), ['batchesApplied']);
  if (!joined || !applied || !dense) return undefined;
  const [samples, deadLetters] = await Promise.all([
    bus.streamState(bus.names.stream.samples),
    bus.streamState(bus.names.stream.deadLetter),
  ]);
  return {
    joined,
    batchesEmitted: samples.lastSequence,
    batchesApplied: applied,
    denseBatchesApplied: dense.batchesApplied,
    deadLetters: deadLetters.lastSequence,
  };
}

/** What was added to the books between two moments. Sizes are those of the later one. */
export function booksSince(before: Books, after: Books): Books {
  const joined = Object.fromEntries(
    joinNames.map((name) => [name, after.joined[name] - before.joined[name]]),
  ) as unknown as JoinFigures;
  const { open, heldActions, outboxPending } = after.joined;
  return {
    joined: { ...joined, open, heldActions, outboxPending },
    batchesEmitted: after.batchesEmitted - before.batchesEmitted,
    batchesApplied: Object.fromEntries(
      Object.entries(after.batchesApplied).map(([partition, count]) => [
        partition,
        count - (before.batchesApplied[partition] ?? 0),
      ]),
    ),
    denseBatchesApplied: after.denseBatchesApplied - before.denseBatchesApplied,
    deadLetters: after.deadLetters - before.deadLetters,
  };
}

/** By partition; undefined while a shard has not told. */
function appliedIn(shards: readonly ActorStatus<'ps-shard'>[]): Record<string, number> | undefined {
  const applied: Record<string, number> = {};
  for (const { stats } of shards) {
    if (stats.batchesApplied === undefined) return undefined;
    Object.assign(applied, stats.batchesApplied);
  }
  return shards.length > 0 ? applied : undefined;
}
