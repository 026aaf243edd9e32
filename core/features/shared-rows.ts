import { assert } from '../base/assert.js';
import { noMarks, type ExampleBatch, type OccurrenceMarks } from './example-batch.js';
import type { FeatureSpec } from './feature-spec.js';
import type { PairColumns } from './pair-columns.js';
import type { EncodedEntity } from './transform.js';

/** What all rows of a request share: slots of the user in front, of the context behind. */
export interface SharedRows {
  /**
   * A row for each item. The fids of user and context stand in the first row alone: that of a thousand candidates would be copied,
   * looked up and added up a thousand times for the same sum. Dense features are those of each row, as always.
   */
  readonly batch: ExampleBatch;
  /** Slots of the user, and of the context. */
  readonly before: number;
  readonly behind: number;
}

/** The entities come from a transform of the spec. */
export function shareRows(
  { slots, denseWidth: denseCount }: Pick<FeatureSpec, 'slots' | 'denseWidth'>,
  pairs: PairColumns,
  { user, items, context }: SharedEntities,
): SharedRows {
  const rowCount = items.length;
  const slotCount = slots.length;
  const [before, behind] = [user.counts.length, context.counts.length];
  const itemSlots = slotCount - before - behind;
  let wordCount = user.fids.length + context.fids.length;
  for (let r = 0; r < rowCount; r++) wordCount += items[r]!.fids.length;
  const offsets = new Uint32Array(rowCount * slotCount + 1);
  const fids = new Uint32Array(rowCount > 0 ? wordCount : 0);
  const dense = new Float32Array(rowCount * denseCount);
  const itemDense = denseCount - user.dense.length - context.dense.length - pairs.count;
  let cell = 0;
  let word = 0;
  const append = (counts: Uint8Array, words: Uint32Array): void => {
    let end = word / 2;
    for (let s = 0; s < counts.length; s++) {
      end += counts[s]!;
      offsets[++cell] = end;
    }
    for (let i = 0; i < words.length; i++) fids[word++] = words[i]!;
  };
  const none = { user: new Uint8Array(before), context: new Uint8Array(behind), words: fids.subarray(0, 0) }; // prettier-ignore
  for (let r = 0; r < rowCount; r++) {
    const item = items[r]!;
    const isFirst = r === 0;
    append(isFirst ? user.counts : none.user, isFirst ? user.fids : none.words);
    append(item.counts, item.fids);
    append(isFirst ? context.counts : none.context, isFirst ? context.fids : none.words);
    // Checked row by row: two entities of other specs could make up for each other in the sum.
    assert(item.counts.length === itemSlots, 'shareRows: the items have the slots of this spec');
    assert(item.dense.length === itemDense, 'shareRows: and its dense columns');
    assert(offsets[cell]! * 2 === word, 'shareRows: counts agree with fids');
    const start = r * denseCount;
    dense.set(user.dense, start);
    dense.set(item.dense, start + user.dense.length);
    dense.set(context.dense, start + user.dense.length + itemDense);
    if (pairs.count > 0)
      pairs.write(user.pairs ?? [], item.pairs ?? [], dense, start + denseCount - pairs.count);
  }
  const batch = { rowCount, slotCount, denseCount, offsets, fids, dense };
  const marks = rowCount > 0 && user.marks ? sharedMarks(user, fids.length / 2) : undefined;
  return { batch: marks ? { ...batch, marks } : batch, before, behind };
}

/** The fids of the user come first, and histories are his. */
function sharedMarks({ marks: own }: EncodedEntity, total: number): OccurrenceMarks {
  const marks = noMarks(total);
  marks.eventTypes.set(own!.eventTypes);
  marks.agesSeconds.set(own!.agesSeconds);
  return marks;
}

export interface SharedEntities {
  readonly user: EncodedEntity;
  readonly items: readonly EncodedEntity[];
  readonly context: EncodedEntity;
}
