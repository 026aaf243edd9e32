import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorStatus } from '../messages/actor-status.js';
import type { Bus } from '../runtime/bus.js';

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

/** Counters of all joiners together, as in core/joining/types.ts; `open` and `outboxPending` are sizes. */
export interface JoinFigures {
  readonly impressions: number;
  readonly actions: number;
  readonly positives: number;
  readonly negatives: number;
  readonly negativesDropped: number;
  readonly duplicates: number;
  readonly lateActions: number;
  readonly orphanActions: number;
  readonly lateImpressions: number;
  readonly open: number;
  readonly heldActions: number;
  readonly outboxPending: number;
}

const joinNames: readonly (keyof JoinFigures)[] = [
  'impressions',
  'actions',
  'positives',
  'negatives',
  'negativesDropped',
  'duplicates',
  'lateActions',
  'orphanActions',
  'lateImpressions',
  'open',
  'heldActions',
  'outboxPending',
];

/** @returns undefined while an actor that keeps a part of the books has not said anything yet. */
export async function readBooks(
  actors: readonly ActorStatus[],
  bus: Bus,
): Promise<Books | undefined> {
  const joiners = statsOf(actors, 'joiner');
  const shards = statsOf(actors, 'ps-shard');
  const dense = statsOf(actors, 'dense-shard');
  const known =
    joiners.every((stats) => joinNames.every((name) => isNumber(stats[name]))) &&
    shards.every((stats) => typeof stats['batchesApplied'] === 'object') &&
    dense.every((stats) => isNumber(stats['batchesApplied']));
  if (!known) return undefined;
  const [samples, deadLetters] = await Promise.all([
    bus.streamState(bus.names.stream.samples),
    bus.streamState(bus.names.stream.deadLetter),
  ]);
  return {
    joined: sumOf(joiners),
    batchesEmitted: samples.lastSequence,
    batchesApplied: Object.assign({}, ...shards.map(appliedOf)) as Record<string, number>,
    denseBatchesApplied: dense.reduce((sum, stats) => sum + numberOf(stats, 'batchesApplied'), 0),
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

export function statsOf(
  actors: readonly ActorStatus[],
  kind: ActorKind,
): Readonly<Record<string, unknown>>[] {
  return actors.filter((actor) => actor.kind === kind).map((actor) => actor.stats);
}

/** 0 for what is missing or no number: statistics come from other processes. */
export function numberOf(stats: Readonly<Record<string, unknown>>, name: string): number {
  const value = stats[name];
  return isNumber(value) ? value : 0;
}

function sumOf(joiners: readonly Readonly<Record<string, unknown>>[]): JoinFigures {
  return Object.fromEntries(
    joinNames.map((name) => [name, joiners.reduce((sum, stats) => sum + numberOf(stats, name), 0)]),
  ) as unknown as JoinFigures;
}

function appliedOf(stats: Readonly<Record<string, unknown>>): Record<string, number> {
  return stats['batchesApplied'] as Record<string, number>;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
