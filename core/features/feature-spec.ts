import { createHash } from 'node:crypto';
import type { Lineage } from '../base/lineage.js';
import { bornIn } from '../base/lineage.js';
import type { KnownExamples } from './earlier-examples.js';
import { earlierExamplesOf } from './earlier-examples.js';
import { columnIdOf, requireDistinctIds, slotIdOf } from './slot-id.js';

/**
 * The feature specification: the declared features in the one order that every part of the cluster uses.
 *
 * Categorical features become slots, numeric ones dense columns. Both are ordered by entity (user, item, context) and
 * then by name in code-unit order, so that the order in which a config file lists them does not matter, and so that
 * an example is the user's fids, then the item's, then the context's: three block copies.
 *
 * The index of a slot is where it stands among the others of this spec, and is used between those who run with the same
 * one. What is stored names a slot by its id, which follows from its name (slot-id.ts), so that adding a feature moves no
 * other.
 */
export const featureEntities = ['user', 'item', 'context'] as const;
export type FeatureEntity = (typeof featureEntities)[number];

/** Those that the cluster keeps itself, of what people do; they are never told. */
export const keptKinds = ['history', 'count', 'rate', 'mean'] as const;

const toldKinds = ['id', 'ids', 'vocabulary', 'buckets', 'dense', 'vector'] as const;
export const featureKinds = [...toldKinds, ...keptKinds] as const;

/** How the rows of a slot's values become one vector: with `sum` a longer list weighs more. */
export type Pooling = 'sum' | 'mean';

export type Normalisation =
  /** By where it stands among all that come, −1 … 1, which the cluster learns (core/model/number-scales.ts). */
  | { readonly method: 'quantiles' }
  | { readonly method: 'none' }
  /** scale · sign(x)·ln(1 + |x|), for counts and amounts with a long tail. */
  | { readonly method: 'log1p'; readonly scale?: number | undefined }
  /** (x − mean) / deviation */
  | { readonly method: 'standard'; readonly mean: number; readonly deviation: number }
  /** (x − min) / (max − min), cut to 0 … 1 so that one outlier can't shake the network. */
  | { readonly method: 'minmax'; readonly min: number; readonly max: number };

/** Any string or integer; one row each. A source named as its entity is the id of the user or item itself. */
export interface IdCoding {
  readonly kind: 'id';
}
/** Several ids, as a list or joined by '|'; those beyond the first `valuesMax` are left out. */
export interface IdsCoding {
  readonly kind: 'ids';
  readonly pooling: Pooling;
  readonly valuesMax: number;
}
/** Value i of the list has key i + 1. Any other has key 0 where `other` is true, and reads as missing where not. */
export interface VocabularyCoding {
  readonly kind: 'vocabulary';
  readonly values: readonly string[];
  readonly other: boolean;
}
/** The key is the count of boundaries ≤ the value: b boundaries make b + 1 buckets. */
export interface BucketsCoding {
  readonly kind: 'buckets';
  readonly boundaries: readonly number[];
}
export interface DenseCoding {
  readonly kind: 'dense';
  readonly normalisation: Normalisation;
}

/** Numbers from outside, such as an embedding of a text or an image, which the network projects to the vector of a row. */
export interface VectorCoding {
  readonly kind: 'vector';
  /** How many numbers it has. */
  readonly length: number;
  /** `unit`: to length 1 in the sense of Euclid, as what made it may have any scale. */
  readonly scale: 'unit' | 'none';
}

/** Values of a feature of the items that somebody did something with, newest first. */
export interface HistoryCoding {
  readonly kind: 'history';
  /** The feature of items whose values these are; they use its rows. */
  readonly of: string;
  /** Types of events; undefined: all that are hoped for. */
  readonly events?: readonly string[] | undefined;
  /** Events. */
  readonly length: number;
  readonly pooling: Pooling;
  /** What a network may know of each: the type of its event, and how long ago it was. */
  readonly with: readonly ('event' | 'secondsAgo')[];
}

/** A number that is kept of what people do; what it means stands in core/activity/kept-rules.ts. */
export interface AggregateCoding {
  readonly kind: 'count' | 'rate' | 'mean';
  readonly of?: string | undefined;
  readonly events?: readonly string[] | undefined;
  /** Kept by the values of this feature: of the same entity, so that all who share a value share it; of the other one: of pairs. */
  readonly by?: string | undefined;
  readonly beside?: string | undefined;
  readonly smoothing?: number | undefined;
  readonly window?: string | undefined;
  readonly halfLife?: string | undefined;
  readonly last?: number | undefined;
  readonly normalisation: Normalisation;
}

export type CategoricalCoding = IdCoding | IdsCoding | VocabularyCoding | BucketsCoding;

/** A feature as the configuration declares it, every default filled in. */
export type FeatureDeclaration = ToldDeclaration | KeptDeclaration;

export type ToldDeclaration = (CategoricalCoding | DenseCoding | VectorCoding) & {
  readonly entity: FeatureEntity;
  /** The column or event field it is read from. */
  readonly source: string;
};

export type KeptDeclaration = (HistoryCoding | AggregateCoding) & {
  readonly entity: 'user' | 'item';
};

export interface Slot {
  readonly index: number;
  /** Of its name; see slot-id.ts. */
  readonly id: number;
  readonly name: string;
  readonly entity: FeatureEntity;
  readonly source: string;
  readonly coding: CategoricalCoding | HistoryCoding;
  /** Index of the slot whose rows its values have: its own, but of histories. */
  readonly rowsOf: number;
  /** For the model; single-valued slots sum their one row. */
  readonly pooling: Pooling;
  /** The most fids an example can have in this slot. */
  readonly valuesMax: number;
}

/** Numbers of a row: one, or those of a vector; behind what is told, one that is 1 where it is missing. */
export interface DenseColumn {
  /** Where they start in a row. */
  readonly index: number;
  /** How many they are. */
  readonly width: number;
  /** Of its name; see slot-id.ts. */
  readonly id: number;
  readonly name: string;
  /** A pair: kept of one entity by the values that the other one has in slot `by`. */
  readonly entity: FeatureEntity | 'pair';
  readonly source: string;
  readonly normalisation: Normalisation;
  /** Of a vector. */
  readonly vector?: VectorCoding;
  /** What is kept rather than told. */
  readonly kept?: AggregateCoding;
  /** Of a pair. */
  readonly pair?: { readonly of: FeatureEntity; readonly by: Slot };
}

export interface FeatureSpec {
  readonly slots: readonly Slot[];
  readonly dense: readonly DenseColumn[];
  /** u32, of `slots` and of `dense`, in their order. */
  readonly slotIds: Uint32Array;
  readonly columnIds: Uint32Array;
  /** Numbers of a row in all. */
  readonly denseWidth: number;
  /** 16 hex digits over all that changes what an example means; travels with samples, snapshots and deltas. */
  readonly hash: string;
  /** What examples of before are read by. */
  readonly earlier: KnownExamples;
}

/** Raised by one whenever the same raw features would become other bytes, so that old samples are refused. */
const transformVersion = 1;

/**
 * Orders and numbers the declared features. The same declarations give the same spec, in whatever order they come.
 * @throws StarlingError CONFIG_INVALID in the rare case that two names have one id.
 */
export function featureSpecOf(
  features: Readonly<Record<string, FeatureDeclaration>>,
  lineage?: Lineage,
): FeatureSpec {
  const slots: Slot[] = [];
  const declared = Object.entries(features);
  const named = declared.filter(isSlot).sort(byEntityThenName);
  for (const [name, declaration] of named) {
    const { entity } = declaration;
    const source = sourceOf(name, declaration);
    const coding = copyOfCoding(declaration);
    const pooling = 'pooling' in coding ? coding.pooling : 'sum';
    const rowsOf =
      coding.kind === 'history' ? named.findIndex(([other]) => other === coding.of) : slots.length;
    slots.push({
      ...{ index: slots.length, id: slotIdOf(name), name, rowsOf },
      ...{ entity, source, coding, pooling, valuesMax: valuesMaxOf(coding, features) },
    });
  }
  const columns = declared
    .filter(isColumn)
    .sort(byEntityThenName)
    .map(([name, declaration]) => {
      const { entity } = declaration;
      const source = sourceOf(name, declaration);
      const named = { id: columnIdOf(name), name, entity, source };
      if (declaration.kind === 'vector') return { ...named, ...vectorColumn(declaration) };
      const normalisation = copyOfNormalisation(declaration.normalisation);
      // Behind what is told is one that says whether it is missing; what is kept never is.
      return declaration.kind === 'dense'
        ? { ...named, normalisation, width: 2 }
        : { ...named, normalisation, width: 1, ...keptColumn(declaration, entity, slots) };
    });
  // Pairs come behind all that is of one entity.
  let denseWidth = 0;
  const dense: DenseColumn[] = [...columns.filter(isSingle), ...columns.filter(isPair)].map(
    (column) => ({ ...column, index: (denseWidth += column.width) - column.width }),
  );
  requireDistinctIds(slots);
  requireDistinctIds(dense);
  return {
    slots,
    dense,
    slotIds: Uint32Array.from(slots, ({ id }) => id),
    columnIds: Uint32Array.from(dense, ({ id }) => id),
    denseWidth,
    hash: hashOf(slots, dense, lineage),
    earlier: earlierExamplesOf(lineage, { slots, columns: dense }),
  };
}

type SlotDeclaration = Extract<FeatureDeclaration, CategoricalCoding | HistoryCoding>;
type ColumnDeclaration = Extract<FeatureDeclaration, DenseCoding | VectorCoding | AggregateCoding>;

function isSlot(entry: [string, FeatureDeclaration]): entry is [string, SlotDeclaration] {
  return !isColumn(entry);
}

function isColumn(entry: [string, FeatureDeclaration]): entry is [string, ColumnDeclaration] {
  const [, { kind }] = entry;
  return kind === 'dense' || kind === 'vector' || isAggregate(kind);
}

export function isAggregate(kind: FeatureDeclaration['kind']): kind is AggregateCoding['kind'] {
  return kind === 'count' || kind === 'rate' || kind === 'mean';
}

/** Whether the cluster keeps it itself. */
export function isKept(declaration: FeatureDeclaration): declaration is KeptDeclaration {
  return declaration.kind === 'history' || isAggregate(declaration.kind);
}

function sourceOf(name: string, declaration: FeatureDeclaration): string {
  return isKept(declaration) ? name : declaration.source;
}

export function isKeptSlot({ coding }: Pick<Slot, 'coding'>): boolean {
  return coding.kind === 'history';
}

function isPair({ entity }: Pick<DenseColumn, 'entity'>): boolean {
  return entity === 'pair';
}

function isSingle(column: Pick<DenseColumn, 'entity'>): boolean {
  return !isPair(column);
}

function vectorColumn({ length, scale }: VectorCoding) {
  const vector: VectorCoding = { kind: 'vector', length, scale };
  return { width: length + 1, normalisation: { method: 'none' } as const, vector };
}

function keptColumn(
  coding: AggregateCoding,
  entity: FeatureEntity,
  slots: readonly Slot[],
): Pick<DenseColumn, 'kept' | 'pair' | 'entity'> {
  const kept = copyOfAggregate(coding);
  const by = slots.find(({ name }) => name === coding.by);
  if (!by || by.entity === entity) return { entity, kept };
  return { entity: 'pair', kept, pair: { of: entity, by } };
}

function valuesMaxOf(
  coding: Slot['coding'],
  features: Readonly<Record<string, FeatureDeclaration>>,
): number {
  if (coding.kind === 'ids') return coding.valuesMax;
  if (coding.kind !== 'history') return 1;
  const of = features[coding.of];
  return coding.length * (of?.kind === 'ids' ? of.valuesMax : 1);
}

function byEntityThenName(
  [nameA, a]: [string, FeatureDeclaration],
  [nameB, b]: [string, FeatureDeclaration],
): number {
  const difference = featureEntities.indexOf(a.entity) - featureEntities.indexOf(b.entity);
  if (difference !== 0) return difference;
  return nameA < nameB ? -1 : 1; // Names are keys of one object, so never equal.
}

/** Fields in a fixed order: the hash is taken over their JSON text. */
function copyOfCoding(coding: Slot['coding']): Slot['coding'] {
  switch (coding.kind) {
    case 'id':
      return { kind: 'id' };
    case 'ids':
      return { kind: 'ids', pooling: coding.pooling, valuesMax: coding.valuesMax };
    case 'vocabulary':
      return { kind: 'vocabulary', values: [...coding.values], other: coding.other };
    case 'buckets':
      return { kind: 'buckets', boundaries: [...coding.boundaries] };
    case 'history': {
      const { of, events, length, pooling } = coding;
      const marks = [...coding.with];
      return { kind: 'history', of, ...(events ? { events } : {}), length, pooling, with: marks };
    }
  }
}

function copyOfAggregate(coding: AggregateCoding): AggregateCoding {
  const { kind, of, events, by, beside, smoothing, window, halfLife, last } = coding;
  const normalisation = copyOfNormalisation(coding.normalisation);
  return { kind, of, events, by, beside, smoothing, window, halfLife, last, normalisation };
}

function copyOfNormalisation(normalisation: Normalisation): Normalisation {
  switch (normalisation.method) {
    case 'quantiles':
    case 'none':
      return { method: normalisation.method };
    case 'log1p': {
      const { scale } = normalisation;
      return { method: 'log1p', ...(scale === undefined ? {} : { scale }) };
    }
    case 'standard':
      return { method: 'standard', mean: normalisation.mean, deviation: normalisation.deviation };
    case 'minmax':
      return { method: 'minmax', min: normalisation.min, max: normalisation.max };
  }
}

/**
 * One that began anew is another than that of its declaration: records of both would else have one hash.
 * A cryptographic hash rather than core/base/hash: it is taken once, and two specs must never pass for one another.
 */
function hashOf(
  slots: readonly Slot[],
  dense: readonly DenseColumn[],
  lineage: Lineage | undefined,
): string {
  const anew = [...slots, ...dense]
    .map(({ name }) => [name, bornIn(lineage, name)] as const)
    .filter(([, born]) => born > 0);
  const text = JSON.stringify([
    transformVersion,
    slots.map(({ name, entity, source, coding }) => [name, entity, source, coding]),
    dense.map(({ name, entity, source, normalisation, kept, vector }) => [
      ...[name, entity, source, vector ?? normalisation],
      // What is told has a number that says whether it is missing; it had none once.
      ...(kept ? [kept] : ['missing']),
    ]),
    ...(anew.length > 0 ? [anew] : []),
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
