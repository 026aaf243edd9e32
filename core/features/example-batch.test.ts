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

  test('no rows are the empty batch', () => {
    expect(emptyExamples(slotCount, denseCount)).toEqual(batchOf([]));
    expect(concatExamples([], slotCount, denseCount)).toEqual(batchOf([]));
  });
});
