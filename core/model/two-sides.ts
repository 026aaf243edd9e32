import { assert } from '../base/assert.js';
import type { FeatureSpec } from '../features/feature-spec.js';
import type { ModelSpec } from './network.js';
import { plainColumns } from './projection.js';
import { sketched, type SketchedColumn } from './number-scales.js';

/**
 * Whose what a network sees is. Of a request with a thousand candidates the person and the context are one side, each item is the other, and
 * only what is kept of pairs is of both:
 *
 *   slots   | user … | item … | context … |
 *   dense   | user … | item … | context … | pairs … |
 */
export interface TwoSides {
  /** Slots of the user in front, and of the context behind. */
  readonly before: number;
  readonly behind: number;
  /** Dense columns of the user in front, of the context behind the items', and of pairs at the end. */
  readonly denseBefore: number;
  readonly denseBehind: number;
  readonly pairs: number;
}

export function twoSidesOf({ slots, dense, denseWidth }: FeatureSpec): TwoSides {
  const slotsOf = (entity: string) => slots.filter((slot) => slot.entity === entity).length;
  const widthOf = (entity: string) =>
    dense.reduce((sum, each) => sum + (each.entity === entity ? each.width : 0), 0);
  const sides = {
    ...{ before: slotsOf('user'), behind: slotsOf('context') },
    ...{ denseBefore: widthOf('user'), denseBehind: widthOf('context'), pairs: widthOf('pair') },
  };
  const others = sides.denseBefore + sides.denseBehind + sides.pairs;
  assert(others + widthOf('item') === denseWidth, 'each column is of a side, or of both');
  return sides;
}

/** What one side has, and where it stands in the whole. */
export interface Side {
  /** Indexes of slots. */
  readonly slots: readonly number[];
  /** Dense columns of its rows. */
  readonly denseCount: number;
  /** Of them, those that are no vectors: where they are in a row of the side, and among all plain columns. */
  readonly plain: readonly { readonly at: number; readonly plain: number }[];
  /** Those that are: which vector of the model, and where it starts in a row of the side. */
  readonly vectors: readonly {
    readonly vector: number;
    readonly at: number;
    readonly width: number;
  }[];
  readonly scaled: readonly SketchedColumn[];
}

export interface Sides {
  readonly own: Side;
  readonly item: Side;
  /** Has dense columns alone. */
  readonly pair: Side;
}

export function sidesOf(model: ModelSpec, sides: TwoSides): Sides {
  const { slotCount, denseCount } = model;
  const { before, behind, denseBefore, denseBehind, pairs } = sides;
  const slots = range(0, slotCount);
  const columns = range(0, denseCount);
  const contextFrom = denseCount - pairs - denseBehind;
  const side = (ofSlots: readonly number[], ofColumns: readonly number[]): Side =>
    sideOf(model, ofSlots, ofColumns);
  return {
    own: side(
      [...slots.slice(0, before), ...slots.slice(slotCount - behind)],
      [...columns.slice(0, denseBefore), ...columns.slice(contextFrom, denseCount - pairs)],
    ),
    item: side(slots.slice(before, slotCount - behind), columns.slice(denseBefore, contextFrom)),
    pair: side([], columns.slice(denseCount - pairs)),
  };
}

function sideOf(model: ModelSpec, slots: readonly number[], columns: readonly number[]): Side {
  const { vectors = [], scaled = [] } = model;
  const placeOf = new Map(columns.map((column, at) => [column, at]));
  return {
    ...{ slots, denseCount: columns.length },
    plain: plainColumns(model).flatMap((column, plain) => {
      const at = placeOf.get(column);
      return at === undefined ? [] : [{ at, plain }];
    }),
    vectors: vectors.flatMap(({ at: column, width }, vector) => {
      const at = placeOf.get(column);
      return at === undefined ? [] : [{ vector, at, width }];
    }),
    scaled: sketched(scaled).flatMap(({ at: column, missingAt, sketch }) => {
      const at = placeOf.get(column);
      if (at === undefined) return [];
      const missing = missingAt === undefined ? undefined : placeOf.get(missingAt);
      return [{ at, sketch, ...(missing === undefined ? {} : { missingAt: missing }) }];
    }),
  };
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_unused, i) => start + i);
}
