import { assert } from '../base/assert.js';
import { StarlingError } from '../base/errors.js';
import type { ExampleBatch, OccurrenceMarks } from './example-batch.js';
import { noMarks } from './example-batch.js';
import type { DenseColumn, FeatureEntity, FeatureSpec, Slot } from './feature-spec.js';
import { isKeptSlot } from './feature-spec.js';
import { HistoryWriter } from './history-writer.js';
import type { KeptFeatures, KeptHistory } from './kept-features.js';
import { keptOf, nothingKept } from './kept-features.js';
import type { PairSide } from './pair-columns.js';
import { PairColumns } from './pair-columns.js';
import { isMissingValue } from './missing-value.js';
import { preview } from './preview.js';
import { shareRows, type SharedEntities, type SharedRows } from './shared-rows.js';
import { type KeyWriter, idOf, isMissing, keyWriterOf, normalise } from './values.js';
import { writeVector } from './vectors.js';

/**
 * The one feature transform: serving, the processor and batch training all call it, so what the model learns from is
 * what it scored. An entity is encoded once, when its features change or are read; a request then assembles one
 * user with hundreds of candidates by copying words, with no parsing, hashing or Map on the way.
 */
export interface EncodedEntity {
  /** How many fids each slot of the entity has, in spec order. */
  readonly counts: Uint8Array;
  /** u32 pairs (low, high), slot after slot. */
  readonly fids: Uint32Array;
  /** Normalised dense columns of the entity, in spec order. */
  readonly dense: Float32Array;
  /** Of the fids, where a history says more of them. */
  readonly marks?: OccurrenceMarks;
  /** A side of each column of pairs; absent where there are none. */
  readonly pairs?: readonly PairSide[];
}

export interface Transform {
  readonly spec: FeatureSpec;

  /**
   * Encodes what is known of one user, item or context.
   *
   * Missing values (absent, null, '', or an empty list of ids) leave their slot without fids and read as dense 0 after
   * normalisation, and 1 behind it; so does a vector. An entity of which nothing is known still has the slots made from its id.
   *
   * @param id  of the user or item; not read for a context.
   * @param raw features by source name, as told.
   * @param kept what the cluster keeps of it itself.
   * Attributes of a user or item that are no features are passed over: the model does not look at them.
   *
   * @throws StarlingError UNKNOWN_FEATURE naming a feature of a context that isn't declared, as a caller who has misspelt one
   *   would be scored without it; BAD_EVENT naming the field whose value has the wrong type.
   */
  encodeEntity(
    entity: FeatureEntity,
    id: string,
    raw: Readonly<Record<string, unknown>>,
    kept?: KeptFeatures,
  ): EncodedEntity;

  /**
   * Row i is users[i] + items[i] + contexts[i]. References may repeat: one user, encoded once, for many candidates.
   * All three have the same length, and come from a transform of the same spec.
   */
  assemble(
    users: readonly EncodedEntity[],
    items: readonly EncodedEntity[],
    contexts: readonly EncodedEntity[],
  ): ExampleBatch;

  /** For scoring: one user with many items, in one context, with what they share once. */
  share(entities: SharedEntities): SharedRows;

  /** f32 [items × columns of pairs]: the dense columns that are of both sides. */
  pairsOf(user: EncodedEntity, items: readonly EncodedEntity[]): Float32Array;
}

/** What encoding one entity takes, compiled from the spec. */
interface EntityPlan {
  readonly entity: FeatureEntity;
  readonly slots: readonly PlannedSlot[];
  readonly dense: readonly DenseColumn[];
  readonly denseWidth: number;
  readonly pairs: PairColumns;
  /** Whether a history says more of its events than their values. */
  readonly hasMarks: boolean;
  readonly sources: ReadonlySet<string>;
  /** Room for the most fids the entity can have; reused, since encoding is synchronous. */
  readonly scratch: Uint32Array;
}

interface PlannedSlot {
  readonly slot: Slot;
  readonly write: KeyWriter;
  /** What is told, or undefined where it looks like nothing. Of users and items that was decided as it came in. */
  readonly told: (value: unknown) => unknown;
  /** Of a history. */
  readonly history: HistoryWriter | undefined;
}

export function createTransform(spec: FeatureSpec): Transform {
  const pairs = new PairColumns(spec.dense);
  const plans = {
    user: planOf(spec, 'user', pairs),
    item: planOf(spec, 'item', pairs),
    context: planOf(spec, 'context', pairs),
  };
  return {
    spec,
    encodeEntity: (entity, id, raw, kept = nothingKept) => encode(plans[entity], id, raw, kept),
    assemble(users, items, contexts) {
      assert(items.length === users.length, 'assemble: as many items as users');
      assert(contexts.length === users.length, 'assemble: as many contexts as users');
      return assembleRows(spec, pairs, users, items, contexts);
    },
    share: (entities) => shareRows(spec, pairs, entities),
    pairsOf: (user, items) => pairs.ofUser(user, items),
  };
}

function planOf(spec: FeatureSpec, entity: FeatureEntity, pairs: PairColumns): EntityPlan {
  const slots = spec.slots.filter((slot) => slot.entity === entity);
  const dense = spec.dense.filter((column) => column.entity === entity);
  const fidsMax = slots.reduce((sum, slot) => sum + slot.valuesMax, 0);
  for (const slot of slots) assert(slot.valuesMax <= 255, 'counts per slot are bytes');
  return {
    entity,
    slots: slots.map((slot) => ({
      slot,
      write: keyWriterOf(slot.coding),
      told: entity === 'context' ? toldBy(slot.coding) : asItIs,
      history: slot.coding.kind === 'history' ? new HistoryWriter(slot, spec.slots) : undefined,
    })),
    ...{ dense, pairs, denseWidth: dense.reduce((sum, { width }) => sum + width, 0) },
    hasMarks: slots.some(({ coding }) => coding.kind === 'history' && coding.with.length > 0),
    sources: new Set([
      ...slots.filter((slot) => !isKeptSlot(slot)).map(({ source }) => source),
      ...dense.filter(({ kept }) => !kept).map(({ source }) => source),
    ]),
    scratch: new Uint32Array(2 * fidsMax),
  };
}

const asItIs = (value: unknown): unknown => value;

/** A word that a vocabulary lists is a word, however it looks. */
function toldBy(coding: Slot['coding']): (value: unknown) => unknown {
  const words = new Set(coding.kind === 'vocabulary' ? coding.values : []);
  const isNumber = coding.kind === 'buckets';
  return (value) => {
    if (typeof value === 'string' && words.has(value)) return value;
    return isMissingValue(value, isNumber) ? undefined : value;
  };
}

function toldNumber(entity: FeatureEntity, value: unknown): unknown {
  return entity === 'context' && isMissingValue(value, true) ? undefined : value;
}

function encode(
  plan: EntityPlan,
  id: string,
  raw: Readonly<Record<string, unknown>>,
  kept: KeptFeatures,
): EncodedEntity {
  const { entity, scratch, pairs } = plan;
  if (entity === 'context') checkNames(plan, raw);
  else checkId(entity, id, raw);
  const counts = new Uint8Array(plan.slots.length);
  const marks = plan.hasMarks ? noMarks(scratch.length / 2) : undefined;
  let fidCount = 0;
  for (let s = 0; s < plan.slots.length; s++) {
    const { slot, write, history, told } = plan.slots[s]!;
    const count = history
      ? history.write(keptOf(kept, slot.name) as KeptHistory | undefined, scratch, fidCount, marks)
      : write(told(valueOf(entity, id, raw, slot.source)), slot.source, scratch, fidCount);
    counts[s] = count;
    fidCount += count;
  }
  const dense = new Float32Array(plan.denseWidth);
  let at = 0;
  for (const { name, source, normalisation, kept: isKept, vector, width } of plan.dense) {
    const value = isKept
      ? keptOf(kept, name)
      : toldNumber(entity, valueOf(entity, id, raw, source));
    if (vector) writeVector(value, vector, dense, at, entity === 'context' ? source : undefined);
    else {
      dense[at] = normalise(value, source, normalisation);
      if (!isKept) dense[at + 1] = isMissing(value) ? 1 : 0;
    }
    at += width;
  }
  const sides = (): readonly PairSide[] =>
    pairs.sidesOf(entity, (source) => valueOf(entity, id, raw, source), kept);
  return {
    ...{ counts, fids: scratch.slice(0, 2 * fidCount), dense },
    ...(marks ? { marks: firstMarks(marks, fidCount) } : {}),
    ...(pairs.count > 0 ? { pairs: sides() } : {}),
  };
}

function firstMarks({ eventTypes, agesSeconds }: OccurrenceMarks, count: number): OccurrenceMarks {
  return { eventTypes: eventTypes.slice(0, count), agesSeconds: agesSeconds.slice(0, count) };
}

/** Own properties only: a feature named `constructor` must not read what every object inherits. */
function valueOf(
  entity: FeatureEntity,
  id: string,
  raw: Readonly<Record<string, unknown>>,
  source: string,
): unknown {
  if (source === entity && entity !== 'context') return id;
  return Object.hasOwn(raw, source) ? raw[source] : undefined;
}

function checkId(entity: FeatureEntity, id: unknown, raw: Readonly<Record<string, unknown>>): void {
  if (typeof id !== 'string' || id === '') {
    const message = `${entity}: expected an id that is a string and not empty; got ${preview(id)}`;
    throw new StarlingError('BAD_EVENT', message, { field: entity });
  }
  const stated = Object.hasOwn(raw, entity) ? raw[entity] : undefined;
  if (stated === undefined || stated === null || String(idOf(stated, entity)) === id) return;
  const message = `${entity}: the features name ${preview(stated)}, the event ${preview(id)}`;
  throw new StarlingError('BAD_EVENT', message, { field: entity });
}

function checkNames(plan: EntityPlan, raw: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(raw)) {
    if (!plan.sources.has(name)) throw unknownFeature(plan.entity, name, plan.sources);
  }
}

/** The error for a feature that isn't declared: names it, and what is declared for the entity. */
export function unknownFeature(
  entity: FeatureEntity,
  name: string,
  sources: Iterable<string>,
): StarlingError {
  const declared = [...new Set(sources)].join(', ') || 'none';
  const message = `${preview(name)} is not a declared ${entity} feature; declared: ${declared}`;
  return new StarlingError('UNKNOWN_FEATURE', message, { entity, feature: name });
}

/**
 * 1,000 candidates with 7 slots and 9 fids each are 100 KB, assembled in 0.15 ms. Words are copied one by one, since an entity has
 * a handful of fids: for 4 of them (8 words) that is twice as fast as TypedArray.set.
 */
function assembleRows(
  { slots, denseWidth: denseCount }: FeatureSpec,
  pairs: PairColumns,
  users: readonly EncodedEntity[],
  items: readonly EncodedEntity[],
  contexts: readonly EncodedEntity[],
): ExampleBatch {
  const rowCount = users.length;
  const slotCount = slots.length;
  const parts = [users, items, contexts];
  let wordCount = 0;
  for (const part of parts) for (let r = 0; r < rowCount; r++) wordCount += part[r]!.fids.length;
  const offsets = new Uint32Array(rowCount * slotCount + 1);
  const fids = new Uint32Array(wordCount);
  const dense = new Float32Array(rowCount * denseCount);
  let cell = 0;
  let word = 0;
  let column = 0;
  for (let r = 0; r < rowCount; r++) {
    for (let p = 0; p < 3; p++) {
      const entity = parts[p]![r]!;
      cell = appendCounts(entity.counts, offsets, cell);
      word = appendWords(entity.fids, fids, word);
      column = appendNumbers(entity.dense, dense, column);
    }
    if (pairs.count > 0) {
      pairs.write(users[r]!.pairs ?? [], items[r]!.pairs ?? [], dense, column);
      column += pairs.count;
    }
    // Checked row by row: two entities of other specs could make up for each other in the sum.
    assert(cell === (r + 1) * slotCount, 'assemble: the entities have the slots of this spec');
    assert(
      column === (r + 1) * denseCount,
      'assemble: the entities have the dense columns of this spec',
    );
    assert(offsets[cell]! * 2 === word, 'assemble: counts agree with fids');
  }
  const batch = { rowCount, slotCount, denseCount, offsets, fids, dense };
  const marks = users.some((user) => user.marks) ? marksOf(parts, word / 2) : undefined;
  return marks ? { ...batch, marks } : batch;
}

function marksOf(parts: readonly (readonly EncodedEntity[])[], total: number): OccurrenceMarks {
  const marks = noMarks(total);
  const [users] = parts;
  for (let r = 0, fid = 0; r < users!.length; r++) {
    for (const part of parts) {
      const { marks: own, fids } = part[r]!;
      if (own) {
        marks.eventTypes.set(own.eventTypes, fid);
        marks.agesSeconds.set(own.agesSeconds, fid);
      }
      fid += fids.length / 2;
    }
  }
  return marks;
}

function appendCounts(counts: Uint8Array, offsets: Uint32Array, cell: number): number {
  let end = offsets[cell]!;
  for (let s = 0; s < counts.length; s++) {
    end += counts[s]!;
    offsets[++cell] = end;
  }
  return cell;
}

function appendWords(source: Uint32Array, target: Uint32Array, at: number): number {
  for (let i = 0; i < source.length; i++) target[at++] = source[i]!;
  return at;
}

function appendNumbers(source: Float32Array, target: Float32Array, at: number): number {
  for (let i = 0; i < source.length; i++) target[at++] = source[i]!;
  return at;
}
