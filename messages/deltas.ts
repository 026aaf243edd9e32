import { asMessage, f32, f64, number, text, u32, wrong, type Fields } from './checks.js';
import { protocolVersion } from './codec.js';

/**
 * Changed rows of a partition since the delta before, as serving takes them: weights and no state. A copy of what is in
 * a `RowsDelta`, which is published right after that one.
 */
export interface WeightsDelta {
  readonly specHash: string;
  readonly partition: number;
  readonly epoch: number;
  /** 1, 2, 3, … per partition and never reused; a gap means something was missed. */
  readonly deltaNumber: number;
  /** A delta over the payload limit travels in parts; the applied set holds once the last one is in. */
  readonly part: number;
  readonly last: boolean;
  /** Keys that went, per slot; they go before the rows below are set. u32 [S], u32 [2·n]. */
  readonly evictedCounts: Uint32Array;
  readonly evicted: Uint32Array;
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
  readonly weights: Float32Array;
  /** IntervalSet of SAMPLES sequences that are in the rows. */
  readonly applied: Float64Array;
  /** Impressions settled by all batches so far; known to partition 0 only, else 0. */
  readonly resolved: number;
  readonly trail: Float64Array;
  /** When the oldest push in this delta was applied, milliseconds since 1970; 0 without one. */
  readonly appliedAtMs: number;
}

/** The whole rows: what an owner's log is made of, and what its followers rebuild it from. */
export interface RowsDelta extends WeightsDelta {
  /** f32 [n·stateWidth]. */
  readonly state: Float32Array;
  /** u32 [n], event seconds of each row's newest update. */
  readonly updatedAt: Uint32Array;
  /** u32 [n], at least 1. */
  readonly updateCounts: Uint32Array;
  /** Newest event time that the partition has seen. */
  readonly atSeconds: number;
}

export function rowsMessage(delta: RowsDelta) {
  return { v: protocolVersion, ...delta };
}

/** Of a `RowsDelta` too, which then goes without its state. */
export function weightsMessage(delta: WeightsDelta) {
  const { specHash, partition, epoch, deltaNumber, part, last } = delta;
  const { evictedCounts, evicted, counts, fids, weights } = delta;
  const { applied, resolved, trail, appliedAtMs } = delta;
  return {
    v: protocolVersion,
    ...{ specHash, partition, epoch, deltaNumber, part, last },
    ...{ evictedCounts, evicted, counts, fids, weights },
    ...{ applied, resolved, trail, appliedAtMs },
  };
}

export function parseWeights(value: unknown, slotCount: number, dim: number): WeightsDelta {
  const what = 'delta';
  const fields = asMessage(value, what);
  const { counts, fids } = keysOfSlots(fields, what, slotCount, 'counts', 'fids');
  const gone = keysOfSlots(fields, what, slotCount, 'evictedCounts', 'evicted');
  return {
    specHash: text(fields, 'specHash', what),
    partition: number(fields, 'partition', what),
    epoch: number(fields, 'epoch', what),
    deltaNumber: number(fields, 'deltaNumber', what),
    part: number(fields, 'part', what),
    last: fields.last === true,
    evictedCounts: gone.counts,
    evicted: gone.fids,
    counts,
    fids,
    weights: f32(fields, 'weights', what, (fids.length / 2) * dim),
    applied: f64(fields, 'applied', what),
    resolved: number(fields, 'resolved', what),
    trail: f64(fields, 'trail', what),
    appliedAtMs: number(fields, 'appliedAtMs', what),
  };
}

/** Which delta a message is, without a look at its rows. */
export function parseDeltaNumber(value: unknown): Pick<WeightsDelta, 'deltaNumber' | 'last'> {
  const fields = asMessage(value, 'delta');
  return { deltaNumber: number(fields, 'deltaNumber', 'delta'), last: fields.last === true };
}

/** The width of the state is the optimizer's affair; the table refuses what does not fit. */
export function parseRows(value: unknown, slotCount: number, dim: number): RowsDelta {
  const what = 'delta';
  const weights = parseWeights(value, slotCount, dim);
  const fields = asMessage(value, what);
  const rows = weights.fids.length / 2;
  const updateCounts = u32(fields, 'updateCounts', what, rows);
  if (updateCounts.includes(0)) throw wrong(what, 'updateCounts', 'counts above 0', 0);
  return {
    ...weights,
    state: f32(fields, 'state', what),
    updatedAt: u32(fields, 'updatedAt', what, rows),
    updateCounts,
    atSeconds: number(fields, 'atSeconds', what),
  };
}

function keysOfSlots(
  fields: Fields,
  what: string,
  slotCount: number,
  countsName: string,
  fidsName: string,
) {
  const counts = u32(fields, countsName, what, slotCount);
  const fids = u32(fields, fidsName, what);
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (2 * total !== fids.length)
    throw wrong(what, fidsName, `${2 * total} words`, `${fids.length}`);
  return { counts, fids };
}
