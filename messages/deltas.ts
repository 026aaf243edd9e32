import { StarlingError } from '../core/base/errors.js';
import type { Fields } from './checks.js';
import { asMessage, f32, f64, number, text, u32, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { packed, u32OfRows } from './column-checks.js';
import type { KnownRows } from './earlier-deltas.js';
import { deltaOfNow, directoryWords } from './earlier-deltas.js';
import { asModelMessage, mainModel } from './model-name.js';
import type { Trail } from './trail.js';
import { trailOf } from './trail.js';

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
  /** Keys that went, per slot of the blueprint; they go before the rows below are set. u32 [S], u32 [2·n]. */
  readonly evictedCounts: Uint32Array;
  readonly evicted: Uint32Array;
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
  readonly weights: Float32Array;
  /** IntervalSet of the ids of batches that are in the rows. */
  readonly applied: Float64Array;
  /** Impressions settled by all batches so far; known to the partition that keeps the books only, else 0. */
  readonly resolved: number;
  /** Undefined where there is none, or another partition keeps the books. */
  readonly trail: Trail | undefined;
  /** When the oldest push in this delta was applied, milliseconds since 1970; 0 without one. */
  readonly appliedAtMs: number;
}

/** The whole rows: what an owner's log is made of, and what its followers rebuild it from. */
export interface RowsDelta extends WeightsDelta {
  /** f32 [Σ counts·stateWidth]. */
  readonly state: Float32Array;
  /** u32 [n], event seconds of each row's newest update. */
  readonly updatedAt: Uint32Array;
  /** u32 [n], at least 1. */
  readonly updateCounts: Uint32Array;
  /** Newest event time that the partition has seen. */
  readonly atSeconds: number;
}

/** Whose rows a delta has: the slot by its id, and how wide they are. */
export interface RowSlot {
  readonly slot: number;
  /** Weights per row. */
  readonly dim: number;
}

export interface StoredSlot extends RowSlot {
  /** Floats of optimizer state per row. */
  readonly stateWidth: number;
}

function directoryOf(
  slots: readonly StoredSlot[],
  { counts, evictedCounts }: Pick<WeightsDelta, 'counts' | 'evictedCounts'>,
  hasState: boolean,
): Uint32Array {
  const words = new Uint32Array(directoryWords * slots.length);
  let end = 0;
  for (let s = 0; s < slots.length; s++) {
    const rows = counts[s]!;
    const evicted = evictedCounts[s]!;
    if (rows + evicted === 0) continue;
    const { slot, dim, stateWidth } = slots[s]!;
    words[end++] = slot;
    words[end++] = dim;
    words[end++] = hasState ? stateWidth : 0;
    words[end++] = rows;
    words[end++] = evicted;
  }
  return words.subarray(0, end);
}

/** @param slots of the partition, in the order of the counts. */
export function rowsMessage(delta: RowsDelta, slots: readonly StoredSlot[], model = mainModel) {
  // Not a spread of both: copying 16 fields takes longer than encoding them.
  return Object.assign(deltaFields(delta, slots, true, model), {
    state: delta.state,
    updatedAt: packed(delta.updatedAt),
    updateCounts: packed(delta.updateCounts),
    atSeconds: delta.atSeconds,
  });
}

/** Of a `RowsDelta` too, which then goes without its state. */
export function weightsMessage(
  delta: WeightsDelta,
  slots: readonly StoredSlot[],
  model = mainModel,
) {
  return deltaFields(delta, slots, false, model);
}

function deltaFields(
  delta: WeightsDelta,
  slots: readonly StoredSlot[],
  hasState: boolean,
  model: string,
) {
  return {
    v: protocolVersion,
    model,
    specHash: delta.specHash,
    partition: delta.partition,
    epoch: delta.epoch,
    deltaNumber: delta.deltaNumber,
    part: delta.part,
    last: delta.last,
    slots: directoryOf(slots, delta, hasState),
    evicted: delta.evicted,
    fids: delta.fids,
    weights: delta.weights,
    applied: delta.applied,
    resolved: delta.resolved,
    trail: delta.trail ?? null,
    appliedAtMs: delta.appliedAtMs,
  };
}

/**
 * @param slots of the blueprint.
 * @param known deltas of an earlier blueprint are read as if they were of this one; left out: there is none.
 * @throws StarlingError BAD_MESSAGE; SPEC_MISMATCH for a slot or a width that the blueprint does not have.
 */
export function parseWeights(
  value: unknown,
  slots: readonly RowSlot[],
  known?: KnownRows,
  model = mainModel,
): WeightsDelta {
  const what = 'delta';
  return weightsOf(asDelta(value, what, known, model), what, slots).delta;
}

function asDelta(
  value: unknown,
  what: string,
  known: KnownRows | undefined,
  model: string,
): Fields {
  const fields = asModelMessage(value, what, model);
  return known ? deltaOfNow(fields, what, known) : fields;
}

function weightsOf(fields: Fields, what: string, slots: readonly RowSlot[]) {
  const directory = parseDirectory(u32(fields, 'slots', what), what, slots);
  const delta: WeightsDelta = {
    specHash: text(fields, 'specHash', what),
    partition: number(fields, 'partition', what),
    epoch: number(fields, 'epoch', what),
    deltaNumber: number(fields, 'deltaNumber', what),
    part: number(fields, 'part', what),
    last: fields['last'] === true,
    evictedCounts: directory.evictedCounts,
    evicted: u32(fields, 'evicted', what, 2 * directory.evicted),
    counts: directory.counts,
    fids: u32(fields, 'fids', what, 2 * directory.rows),
    weights: f32(fields, 'weights', what, directory.weights),
    applied: f64(fields, 'applied', what),
    resolved: number(fields, 'resolved', what),
    trail: trailOf(fields, what),
    appliedAtMs: number(fields, 'appliedAtMs', what),
  };
  return { delta, directory };
}

/** Which delta a message is, without a look at its rows. */
export function parseDeltaNumber(value: unknown): Pick<WeightsDelta, 'deltaNumber' | 'last'> {
  const fields = asMessage(value, 'delta');
  return { deltaNumber: number(fields, 'deltaNumber', 'delta'), last: fields['last'] === true };
}

/** What the state means is the optimizer's affair; the table refuses what does not fit. */
export function parseRows(
  value: unknown,
  slots: readonly RowSlot[],
  known?: KnownRows,
  model = mainModel,
): RowsDelta {
  const what = 'delta';
  const fields = asDelta(value, what, known, model);
  const { delta, directory } = weightsOf(fields, what, slots);
  const updateCounts = u32OfRows(fields, 'updateCounts', what, directory.rows);
  if (updateCounts.includes(0)) throw wrong(what, 'updateCounts', 'counts above 0', 0);
  return {
    ...delta,
    state: f32(fields, 'state', what, directory.state),
    updatedAt: u32OfRows(fields, 'updatedAt', what, directory.rows),
    updateCounts,
    atSeconds: number(fields, 'atSeconds', what),
  };
}

interface Directory {
  readonly counts: Uint32Array;
  readonly evictedCounts: Uint32Array;
  readonly rows: number;
  readonly evicted: number;
  /** Floats. */
  readonly weights: number;
  readonly state: number;
}

/** Slots come in the order of the blueprint, which is the order of the rows. */
function parseDirectory(words: Uint32Array, what: string, slots: readonly RowSlot[]): Directory {
  if (words.length % directoryWords !== 0)
    throw wrong(what, 'slots', `records of ${directoryWords}`, words.length);
  const counts = new Uint32Array(slots.length);
  const evictedCounts = new Uint32Array(slots.length);
  const sums = { rows: 0, evicted: 0, weights: 0, state: 0 };
  let s = 0;
  for (let i = 0; i < words.length; i += directoryWords) {
    const slot = words[i]!;
    const dim = words[i + 1]!;
    const rows = words[i + 3]!;
    const evicted = words[i + 4]!;
    while (s < slots.length && slots[s]!.slot !== slot) s++;
    if (s === slots.length || slots[s]!.dim !== dim) {
      const text = `${what}: has rows of slot ${slot}, ${dim} wide, which this specification has not, or not there.`;
      throw new StarlingError('SPEC_MISMATCH', text, { slot, dim });
    }
    counts[s] = rows;
    evictedCounts[s] = evicted;
    sums.rows += rows;
    sums.evicted += evicted;
    sums.weights += rows * dim;
    sums.state += rows * words[i + 2]!;
    s++;
  }
  return { counts, evictedCounts, ...sums };
}
