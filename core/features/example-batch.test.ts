import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ExampleBatch,
  concatExamples,
  emptyExamples,
  selectExamples,
} from './example-batch.js';

const slotCount = 3;
const denseCount = 2;

/** A row as plain lists: the model that the columns are compared with. */
interface PlainRow {
  readonly slots: readonly (readonly number[])[];
  readonly dense: readonly number[];
}

const plainRow: fc.Arbitrary<PlainRow> = fc.record({
  slots: fc.array(fc.array(fc.nat(), { maxLength: 3 }), {
    minLength: slotCount,
    maxLength: slotCount,
  }),
  dense: fc.array(fc.integer(), { minLength: denseCount, maxLength: denseCount }),
});

function batchOf(rows: readonly PlainRow[]): ExampleBatch {
  const offsets = [0];
  const fids: number[] = [];
  for (const slot of rows.flatMap((row) => row.slots)) {
    for (const key of slot) fids.push(key, key + 1);
    offsets.push(fids.length / 2);
  }
  return {
    rowCount: rows.length,
    slotCount,
    denseCount,
    offsets: Uint32Array.from(offsets),
    fids: Uint32Array.from(fids),
    dense: Float32Array.from(rows.flatMap((row) => row.dense)),
  };
}

/** As what it holds, with a mark on every occurrence that follows from its fid. */
function marked(batch: ExampleBatch): ExampleBatch {
  const lows = batch.fids.filter((_word, i) => i % 2 === 0);
  const marks = {
    eventTypes: Uint8Array.from(lows, (low) => low % 200),
    agesSeconds: Float32Array.from(lows, (low) => (low % 7 === 0 ? NaN : low % 1000)),
  };
  return { ...batch, marks };
}

describe('example batches', () => {
  test('select answers the named rows in the named order, repeats included', () => {
    const rowsAndIndices = fc
      .array(plainRow, { minLength: 1, maxLength: 8 })
      .chain((rows) =>
        fc.tuple(fc.constant(rows), fc.array(fc.nat(rows.length - 1), { maxLength: 12 })),
      );
    fc.assert(
      fc.property(rowsAndIndices, ([rows, indices]) => {
        const selected = selectExamples(batchOf(rows), indices);
        expect(selected).toEqual(batchOf(indices.map((i) => rows[i]!)));
      }),
    );
  });

  test('concat answers the rows of all batches in order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(plainRow, { maxLength: 4 }), { maxLength: 4 }), (lists) => {
        const joined = concatExamples(lists.map(batchOf), slotCount, denseCount);
        expect(joined).toEqual(batchOf(lists.flat()));
      }),
    );
  });

  test('the marks of histories go with their occurrences', () => {
    const lists = fc.array(fc.array(plainRow, { maxLength: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lists, ([first, ...others]) => {
        const batches = [marked(batchOf(first!)), ...others.map(batchOf)];
        const joined = concatExamples(batches, slotCount, denseCount);
        const known = marked(batchOf(first!)).marks!;
        expect(joined.marks!.eventTypes.slice(0, known.eventTypes.length)).toEqual(
          known.eventTypes,
        );
        expect(joined.marks!.eventTypes.slice(known.eventTypes.length)).not.toContain(1);
        const indices = Array.from({ length: joined.rowCount }, (_unused, i) => i).reverse();
        const turned = selectExamples(selectExamples(marked(joined), indices), indices);
        expect(turned).toEqual(marked(joined));
      }),
    );
  });

  test('no rows are the empty batch', () => {
    expect(emptyExamples(slotCount, denseCount)).toEqual(batchOf([]));
    expect(concatExamples([], slotCount, denseCount)).toEqual(batchOf([]));
  });
});
