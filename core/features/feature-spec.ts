import { createHash } from 'node:crypto';
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

export const featureKinds = ['id', 'ids', 'vocabulary', 'buckets', 'dense'] as const;

/** How the rows of a slot's values become one vector: with `sum` a longer list weighs more. */
export type Pooling = 'sum' | 'mean';

export type Normalisation =
  | { readonly method: 'none' }
  /** sign(x)·ln(1 + |x|), for counts and amounts with a long tail. */
  | { readonly method: 'log1p' }
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

export type CategoricalCoding = IdCoding | IdsCoding | VocabularyCoding | BucketsCoding;

/** A feature as the configuration declares it, every default filled in. */
export type FeatureDeclaration = (CategoricalCoding | DenseCoding) & {
  readonly entity: FeatureEntity;
  /** The column or event field it is read from. */
  readonly source: string;
};

export interface Slot {
  readonly index: number;
  /** Of its name; see slot-id.ts. */
  readonly id: number;
  readonly name: string;
  readonly entity: FeatureEntity;
  readonly source: string;
  readonly coding: CategoricalCoding;
  /** For the model; single-valued slots sum their one row. */
  readonly pooling: Pooling;
  /** The most fids an example can have in this slot. */
  readonly valuesMax: number;
}

export interface DenseColumn {
  readonly index: number;
  /** Of its name; see slot-id.ts. */
  readonly id: number;
  readonly name: string;
  readonly entity: FeatureEntity;
  readonly source: string;
  readonly normalisation: Normalisation;
}

export interface FeatureSpec {
  readonly slots: readonly Slot[];
  readonly dense: readonly DenseColumn[];
  /** u32, of `slots` and of `dense`, in their order. */
  readonly slotIds: Uint32Array;
  readonly columnIds: Uint32Array;
  /** 16 hex digits over all that changes what an example means; travels with samples, snapshots and deltas. */
  readonly hash: string;
}

/** Raised by one whenever the same raw features would become other bytes, so that old samples are refused. */
const transformVersion = 1;

/**
 * Orders and numbers the declared features. The same declarations give the same spec, in whatever order they come.
 * @throws StarlingError CONFIG_INVALID in the rare case that two names have one id.
 */
export function featureSpecOf(features: Readonly<Record<string, FeatureDeclaration>>): FeatureSpec {
  const slots: Slot[] = [];
  const dense: DenseColumn[] = [];
  for (const [name, declaration] of Object.entries(features).sort(byEntityThenName)) {
    const { entity, source } = declaration;
    if (declaration.kind === 'dense') {
      const normalisation = copyOfNormalisation(declaration.normalisation);
      dense.push({
        index: dense.length,
        id: columnIdOf(name),
        name,
        entity,
        source,
        normalisation,
      });
    } else {
      const coding = copyOfCoding(declaration);
      const pooling = coding.kind === 'ids' ? coding.pooling : 'sum';
      const valuesMax = coding.kind === 'ids' ? coding.valuesMax : 1;
      slots.push({
        ...{ index: slots.length, id: slotIdOf(name), name },
        ...{ entity, source, coding, pooling, valuesMax },
      });
    }
  }
  requireDistinctIds(slots);
  requireDistinctIds(dense);
  return {
    slots,
    dense,
    slotIds: Uint32Array.from(slots, ({ id }) => id),
    columnIds: Uint32Array.from(dense, ({ id }) => id),
    hash: hashOf(slots, dense),
  };
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
function copyOfCoding(coding: CategoricalCoding): CategoricalCoding {
  switch (coding.kind) {
    case 'id':
      return { kind: 'id' };
    case 'ids':
      return { kind: 'ids', pooling: coding.pooling, valuesMax: coding.valuesMax };
    case 'vocabulary':
      return { kind: 'vocabulary', values: [...coding.values], other: coding.other };
    case 'buckets':
      return { kind: 'buckets', boundaries: [...coding.boundaries] };
  }
}

function copyOfNormalisation(normalisation: Normalisation): Normalisation {
  switch (normalisation.method) {
    case 'none':
    case 'log1p':
      return { method: normalisation.method };
    case 'standard':
      return { method: 'standard', mean: normalisation.mean, deviation: normalisation.deviation };
    case 'minmax':
      return { method: 'minmax', min: normalisation.min, max: normalisation.max };
  }
}

/** A cryptographic hash rather than core/base/hash: it is taken once, and two specs must never pass for one another. */
function hashOf(slots: readonly Slot[], dense: readonly DenseColumn[]): string {
  const text = JSON.stringify([
    transformVersion,
    slots.map(({ name, entity, source, coding }) => [name, entity, source, coding]),
    dense.map(({ name, entity, source, normalisation }) => [name, entity, source, normalisation]),
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
