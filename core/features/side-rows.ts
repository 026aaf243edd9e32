import type { ExampleBatch } from './example-batch.js';
import type { FeatureSpec } from './feature-spec.js';
import type { EncodedEntity } from './transform.js';

export interface OwnSide {
  readonly user: EncodedEntity;
  readonly context: EncodedEntity;
}

/** Of one side, as many as there are in each of its slots. */
export interface SomeFids {
  readonly counts: ArrayLike<number>;
  /** u32 pairs (low, high), slot after slot. */
  readonly fids: Uint32Array;
}

/**
 * Rows of one side each, for who looks their fids up: first those of people in their contexts, then those of items. The slots of
 * the other side are empty, and there are no dense columns.
 */
export function sideRows(
  { slots }: Pick<FeatureSpec, 'slots'>,
  owns: readonly OwnSide[],
  items: readonly SomeFids[],
): ExampleBatch {
  const slotCount = slots.length;
  const rowCount = owns.length + items.length;
  let wordCount = 0;
  for (const { user, context } of owns) wordCount += user.fids.length + context.fids.length;
  for (const { fids } of items) wordCount += fids.length;
  const offsets = new Uint32Array(rowCount * slotCount + 1);
  const fids = new Uint32Array(wordCount);
  let cell = 0;
  let word = 0;
  const append = (entity: SomeFids): void => {
    let end = word / 2;
    for (let s = 0; s < entity.counts.length; s++) offsets[++cell] = end += entity.counts[s]!;
    fids.set(entity.fids, word);
    word += entity.fids.length;
  };
  const skip = (count: number): void => {
    for (let s = 0; s < count; s++) offsets[++cell] = word / 2;
  };
  for (const { user, context } of owns) {
    append(user);
    skip(slotCount - user.counts.length - context.counts.length);
    append(context);
  }
  const before = slots.filter(({ entity }) => entity === 'user').length;
  for (const item of items) {
    skip(before);
    append(item);
    skip(slotCount - before - item.counts.length);
  }
  return { rowCount, slotCount, denseCount: 0, offsets, fids, dense: new Float32Array(0) };
}
