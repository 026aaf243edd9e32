import { StarlingError } from '../core/base/errors.js';
import { asMessage, f32, f64, number, text, u32, wrong } from './checks.js';
import { protocolVersion } from './codec.js';

/**
 * Between trainers, parameter servers, dense shard and serving. Rows travel grouped by partition, then by slot:
 *
 *   partitions u32 [P]       the partitions that follow, in order
 *   counts     u32 [P·S]     fids per (partition, slot)
 *   fids       u32 [2·n]     (low, high), concatenated in that order
 *   rows       f32 [n·dim]   in the same order: weights on a pull, summed gradients on a push
 */
export interface RowGroups {
  readonly partitions: Uint32Array;
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
}

/** What a serving shard is asked: it has no owner. */
export interface LookupRequest extends RowGroups {
  readonly specHash: string;
}

export interface PullRequest extends LookupRequest {
  /** u32 [P], of the ownership that the caller knows of; another one is refused. */
  readonly epochs: Uint32Array;
}

export interface PushRequest extends PullRequest {
  /** SAMPLES stream sequences that this step learned from, ascending. */
  readonly batches: Float64Array;
  /** Newest event time of the samples, seconds: drives expiry. */
  readonly atSeconds: number;
  readonly gradients: Float32Array;
  readonly trail: Float64Array;
}

/**
 * `applied`: all batches went in now. `duplicate`: all were in already. `mixed`: some were; nothing was done, send
 * each batch by itself. The answer comes when what was applied is durable in DELTAS.
 */
export type PushOutcome = 'applied' | 'duplicate' | 'mixed';

/**
 * What a step means for freshness, so that serving can tell how old the newest action it knows is:
 * [batch, resolved, samples, acceptedAtMs × trailTimes] per batch. The times are quantiles of the batch's accept times.
 */
export const trailTimes = 8;
export const trailWidth = 3 + trailTimes;

export function lookupMessage(request: LookupRequest) {
  return { v: protocolVersion, ...request };
}

export function parseLookup(value: unknown, slotCount: number): LookupRequest {
  const what = 'lookup';
  const fields = asMessage(value, what);
  return { specHash: text(fields, 'specHash', what), ...groups(fields, what, slotCount) };
}

export function pullMessage(request: PullRequest) {
  return { v: protocolVersion, ...request };
}

export function parsePull(value: unknown, slotCount: number): PullRequest {
  const what = 'pull';
  const fields = asMessage(value, what);
  const rowGroups = groups(fields, what, slotCount);
  return {
    ...rowGroups,
    specHash: text(fields, 'specHash', what),
    epochs: u32(fields, 'epochs', what, rowGroups.partitions.length),
  };
}

/** @returns f32 [n × dim]. */
export function parsePullReply(value: unknown, rowValues: number): Float32Array {
  const what = 'pull reply';
  return f32(asMessage(value, what), 'rows', what, rowValues);
}

export function pushMessage(request: PushRequest) {
  return { v: protocolVersion, ...request };
}

export function parsePush(value: unknown, slotCount: number, dim: number): PushRequest {
  const what = 'push';
  const fields = asMessage(value, what);
  const rowGroups = groups(fields, what, slotCount);
  const batches = f64(fields, 'batches', what);
  if (batches.length === 0) throw wrong(what, 'batches', 'at least one sequence', 'none');
  const trail = f64(fields, 'trail', what);
  if (trail.length % trailWidth !== 0)
    throw wrong(what, 'trail', `records of ${trailWidth}`, trail.length);
  return {
    ...rowGroups,
    specHash: text(fields, 'specHash', what),
    epochs: u32(fields, 'epochs', what, rowGroups.partitions.length),
    batches,
    atSeconds: number(fields, 'atSeconds', what),
    gradients: f32(fields, 'gradients', what, (rowGroups.fids.length / 2) * dim),
    trail,
  };
}

export function parsePushReply(value: unknown): PushOutcome {
  const outcome = text(asMessage(value, 'push reply'), 'outcome', 'push reply');
  if (outcome !== 'applied' && outcome !== 'duplicate' && outcome !== 'mixed') {
    throw wrong('push reply', 'outcome', 'applied, duplicate or mixed', outcome);
  }
  return outcome;
}

function groups(fields: ReturnType<typeof asMessage>, what: string, slotCount: number): RowGroups {
  const partitions = u32(fields, 'partitions', what);
  const counts = u32(fields, 'counts', what, partitions.length * slotCount);
  const fids = u32(fields, 'fids', what);
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (2 * total !== fids.length) throw wrong(what, 'fids', `${2 * total} words`, `${fids.length}`);
  return { partitions, counts, fids };
}

export interface LookupReply {
  readonly rows: Float32Array;
  /** All batches up to this SAMPLES sequence are in these rows. */
  readonly through: number;
  readonly dataCenter: string;
  readonly missing: number;
}

export function parseLookupReply(value: unknown, rowValues: number): LookupReply {
  const what = 'lookup reply';
  const fields = asMessage(value, what);
  return {
    rows: f32(fields, 'rows', what, rowValues),
    through: number(fields, 'through', what),
    dataCenter: text(fields, 'dataCenter', what),
    missing: number(fields, 'missing', what),
  };
}

export interface DensePush {
  readonly specHash: string;
  readonly batches: Float64Array;
  /** d(mean loss)/d(parameters); empty when the batches taught nothing and are only entered in the ledger. */
  readonly gradient: Float32Array;
}

export interface DenseReply {
  readonly outcome: PushOutcome;
  readonly denseVersion: number;
  readonly parameters: Float32Array;
}

export function parseDensePush(value: unknown, parameterCount: number): DensePush {
  const what = 'dense push';
  const fields = asMessage(value, what);
  const gradient = f32(fields, 'gradient', what);
  if (gradient.length > 0) f32(fields, 'gradient', what, parameterCount);
  return {
    specHash: text(fields, 'specHash', what),
    batches: f64(fields, 'batches', what),
    gradient,
  };
}

export function parseDenseReply(value: unknown, parameterCount: number): DenseReply {
  const what = 'dense reply';
  const fields = asMessage(value, what);
  return {
    outcome: parsePushReply(value),
    denseVersion: number(fields, 'denseVersion', what),
    parameters: f32(fields, 'parameters', what, parameterCount),
  };
}

export interface DenseVersion {
  readonly specHash: string;
  readonly denseVersion: number;
  /** The version was trained on rows that knew all batches up to here; serve it with nothing older. */
  readonly trainedThrough: number;
  readonly parameters: Float32Array;
}

export function parseDenseVersion(value: unknown, parameterCount: number): DenseVersion {
  const what = 'dense version';
  const fields = asMessage(value, what);
  return {
    specHash: text(fields, 'specHash', what),
    denseVersion: number(fields, 'denseVersion', what),
    trainedThrough: number(fields, 'trainedThrough', what),
    parameters: f32(fields, 'parameters', what, parameterCount),
  };
}

export interface DenseState extends DenseVersion {
  readonly epoch: number;
  readonly optimizerState: Float32Array;
  readonly steps: number;
  readonly applied: Float64Array;
}

export function parseDenseState(value: unknown, parameterCount: number): DenseState {
  const what = 'dense state';
  const fields = asMessage(value, what);
  return {
    ...parseDenseVersion(value, parameterCount),
    epoch: number(fields, 'epoch', what),
    optimizerState: f32(fields, 'optimizerState', what, 2 * parameterCount),
    steps: number(fields, 'steps', what),
    applied: f64(fields, 'applied', what),
  };
}

export function refuseSpec(theirs: string, ours: string, what: string): void {
  if (theirs !== ours) {
    throw new StarlingError(
      'SPEC_MISMATCH',
      `${what}: made with specification ${theirs}, this actor runs ${ours}.`,
    );
  }
}
