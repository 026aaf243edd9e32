import type { Fields } from './checks.js';
import { asFields, f32, f64, number, text, u32, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { asModelMessage, mainModel } from './model-name.js';
import { specHashOf } from './spec-hash.js';
import { noProgress, progressOf, sequenceOf, throughMarks, throughOf } from './progress-marks.js';
import type { ProgressMarks } from './progress-marks.js';
import type { Trail } from './trail.js';
import { trailOf } from './trail.js';

/**
 * Between trainers, parameter servers, dense shard and serving. Both ends are alive and run with the same blueprint, whose hash each
 * request names; so slots go by their position in it. Rows travel grouped by partition, then by slot, each slot with its own width:
 *
 *   partitions u32 [P]       the partitions that follow, in order
 *   counts     u32 [P·S]     fids per (partition, slot)
 *   fids       u32 [2·n]     (low, high), concatenated in that order
 *   rows       f32 [Σ counts·width]   in the same order: weights on a pull, summed gradients on a push
 */
export interface RowGroups {
  readonly partitions: Uint32Array;
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
}

/** Values per row, of each slot of the blueprint. */
export type RowWidths = readonly number[];

/** Values of rows with these counts. */
export function valuesOf(counts: Uint32Array, widths: RowWidths): number {
  let values = 0;
  for (let i = 0; i < counts.length; i++) values += counts[i]! * widths[i % widths.length]!;
  return values;
}

/** What a serving shard is asked: it has no owner. */
export interface LookupRequest extends RowGroups {
  readonly specHash: string;
}

/** Up to where who asks has heard which rows of a shard changed. */
export interface RowChangesSince {
  /** Of the shard's memory: it begins anew with each process, and with each snapshot that is read. */
  readonly life: string;
  /** Changes in that life. */
  readonly at: number;
}

/** Which rows changed, up to where that is known now. */
export interface RowsChanged extends RowChangesSince {
  /** u32 pairs (low, high), of whatever slots; absent: any of them may have. */
  readonly keys?: Uint32Array;
}

/** What a ranker asks that keeps some rows. */
export interface KeepingLookup extends LookupRequest {
  /** Absent: nothing is kept. */
  readonly since?: RowChangesSince;
}

export interface PullRequest extends LookupRequest {
  /** u32 [P], of the ownership that the caller knows of; another one is refused. */
  readonly epochs: Uint32Array;
}

export interface PushRequest extends PullRequest {
  /** Ids of the batches that this step learned from, each once. */
  readonly batches: Float64Array;
  /** Newest event time of the samples, seconds: drives expiry. */
  readonly atSeconds: number;
  readonly gradients: Float32Array;
  /** For the partition that keeps the books; undefined where it is not among these. */
  readonly trail: Trail | undefined;
  /** Absent: no optimizer asks for it. */
  readonly squares?: SquaredGradients;
}

/**
 * Σg² of the rows that occurred more than once in the batch. Of any other it is (Σg)², so it is not sent.
 * Adagrad by single gradients is worth it for rows of users and items; see docs/decisions/0015-wire-v2.md.
 */
export interface SquaredGradients {
  /** u32 [r], positions among the rows of the push, ascending. */
  readonly rows: Uint32Array;
  /** f32, the values of those rows one after the other. */
  readonly values: Float32Array;
}

/**
 * `applied`: all batches went in now. `duplicate`: all were in already. `mixed`: some were; nothing was done, send
 * each batch by itself. The answer comes when what was applied is durable in DELTAS.
 */
export type PushOutcome = 'applied' | 'duplicate' | 'mixed';

export function lookupMessage(request: KeepingLookup, model = mainModel) {
  return { v: protocolVersion, model, ...request };
}

/** @param ours the specification of who is asked; see `specHashOf`. */
export function parseLookup(
  value: unknown,
  slotCount: number,
  ours?: string,
  model = mainModel,
): KeepingLookup {
  const what = 'lookup';
  const fields = asModelMessage(value, what, model);
  const specHash = specHashOf(fields, what, ours);
  const request = { specHash, ...groups(fields, what, slotCount) };
  const { since } = fields;
  return since === undefined ? request : { ...request, since: sinceOf(since, `${what}.since`) };
}

function sinceOf(value: unknown, what: string): RowChangesSince {
  const fields = asFields(value, what);
  return { life: text(fields, 'life', what), at: number(fields, 'at', what) };
}

function changedOf(value: unknown, what: string): RowsChanged {
  const fields = asFields(value, what);
  const since = sinceOf(value, what);
  return fields['keys'] === undefined ? since : { ...since, keys: u32(fields, 'keys', what) };
}

export function pullMessage(request: PullRequest, model = mainModel) {
  return { v: protocolVersion, model, ...request };
}

/** @param ours the specification of who is asked; see `specHashOf`. */
export function parsePull(
  value: unknown,
  slotCount: number,
  ours?: string,
  model = mainModel,
): PullRequest {
  const what = 'pull';
  const fields = asModelMessage(value, what, model);
  const specHash = specHashOf(fields, what, ours);
  const rowGroups = groups(fields, what, slotCount);
  return {
    ...rowGroups,
    specHash,
    epochs: u32(fields, 'epochs', what, rowGroups.partitions.length),
  };
}

export interface PullReply {
  readonly rows: Float32Array;
  /** Newest record of DELTAS that the partitions asked for have written. */
  readonly sequence: number;
}

export function pullReply(reply: PullReply, model = mainModel) {
  return { v: protocolVersion, model, ...reply };
}

export function parsePullReply(value: unknown, rowValues: number, model = mainModel): PullReply {
  const what = 'pull reply';
  const fields = asModelMessage(value, what, model);
  return { rows: f32(fields, 'rows', what, rowValues), sequence: sequenceOf(fields, what) };
}

export function pushMessage(request: PushRequest, model = mainModel) {
  const { squares } = request;
  const message = {
    v: protocolVersion,
    model,
    specHash: request.specHash,
    partitions: request.partitions,
    epochs: request.epochs,
    counts: request.counts,
    fids: request.fids,
    batches: request.batches,
    atSeconds: request.atSeconds,
    gradients: request.gradients,
    trail: request.trail ?? null,
  };
  return squares ? { ...message, squaredRows: squares.rows, squares: squares.values } : message;
}

/** @param ours the specification of who is asked; see `specHashOf`. */
export function parsePush(
  value: unknown,
  widths: RowWidths,
  ours?: string,
  model = mainModel,
): PushRequest {
  const what = 'push';
  const fields = asModelMessage(value, what, model);
  const specHash = specHashOf(fields, what, ours);
  const rowGroups = groups(fields, what, widths.length);
  const batches = batchesOf(fields, what);
  const squares = squaresOf(fields, rowGroups, widths);
  return {
    ...rowGroups,
    specHash,
    epochs: u32(fields, 'epochs', what, rowGroups.partitions.length),
    batches,
    atSeconds: number(fields, 'atSeconds', what),
    gradients: f32(fields, 'gradients', what, valuesOf(rowGroups.counts, widths)),
    trail: trailOf(fields, what),
    ...(squares ? { squares } : {}),
  };
}

function batchesOf(fields: Fields, what: string): Float64Array {
  const batches = f64(fields, 'batches', what);
  if (batches.length === 0) throw wrong(what, 'batches', 'at least one batch', 'none');
  for (const batch of batches)
    if (!Number.isSafeInteger(batch) || batch < 1)
      throw wrong(what, 'batches', 'ids of batches', batch);
  // The ledgers would take two for one, and the gradients have both.
  if (new Set(batches).size < batches.length)
    throw wrong(what, 'batches', 'each batch once', batches.join());
  return batches;
}

function squaresOf(
  fields: Fields,
  { counts, fids }: RowGroups,
  widths: RowWidths,
): SquaredGradients | undefined {
  if (fields['squaredRows'] === undefined) return undefined;
  const what = 'push';
  const rows = u32(fields, 'squaredRows', what);
  let values = 0;
  let group = 0;
  let groupEnd = 0;
  let before = -1;
  for (const row of rows) {
    if (row <= before || row >= fids.length / 2)
      throw wrong(what, 'squaredRows', `rows that rise, below ${fids.length / 2}`, row);
    // Both rise, so each group is passed once.
    while (row >= groupEnd) groupEnd += counts[group++]!;
    values += widths[(group - 1) % widths.length]!;
    before = row;
  }
  return { rows, values: f32(fields, 'squares', what, values) };
}

export interface PushReply {
  readonly outcome: PushOutcome;
  /** Newest record of DELTAS with what was applied; 0 where nothing was. */
  readonly sequence: number;
}

export function pushReply(reply: PushReply, model = mainModel) {
  return { v: protocolVersion, model, ...reply };
}

export function parsePushReply(value: unknown, model = mainModel): PushReply {
  const what = 'push reply';
  const fields = asModelMessage(value, what, model);
  return { outcome: outcomeOf(fields, what), sequence: sequenceOf(fields, what) };
}

export function outcomeOf(fields: Fields, what: string): PushOutcome {
  const outcome = text(fields, 'outcome', what);
  if (outcome !== 'applied' && outcome !== 'duplicate' && outcome !== 'mixed')
    throw wrong(what, 'outcome', 'applied, duplicate or mixed', outcome);
  return outcome;
}

function groups(fields: Fields, what: string, slotCount: number): RowGroups {
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
  readonly progress: ProgressMarks;
  /** Newest record of the data center's copy of DELTAS that is in them. */
  readonly sequence: number;
  readonly dataCenter: string;
  readonly missing: number;
  /** For who keeps rows. */
  readonly changed?: RowsChanged;
}

export function lookupReply(reply: Omit<LookupReply, 'progress'>, model = mainModel) {
  return {
    v: protocolVersion,
    model,
    rows: reply.rows,
    through: throughMarks(reply.through),
    progress: noProgress,
    sequence: reply.sequence,
    dataCenter: reply.dataCenter,
    missing: reply.missing,
    ...(reply.changed ? { changed: reply.changed } : {}),
  };
}

export function parseLookupReply(
  value: unknown,
  rowValues: number,
  model = mainModel,
): LookupReply {
  const what = 'lookup reply';
  const fields = asModelMessage(value, what, model);
  return {
    rows: f32(fields, 'rows', what, rowValues),
    through: throughOf(fields, 'through', what),
    progress: progressOf(fields, what),
    sequence: sequenceOf(fields, what),
    dataCenter: text(fields, 'dataCenter', what),
    missing: number(fields, 'missing', what),
    ...(fields['changed'] === undefined
      ? {}
      : { changed: changedOf(fields['changed'], `${what}.changed`) }),
  };
}
