import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { repeatedRows } from '../core/model/repeated-rows.js';
import { FidDeduper } from '../core/model/row-gather.js';
import { allSquares, repeatedSquares } from './squared-gradients.js';

const dim = 3;
const slotCount = 2;
const partitionCount = 4;

/** Rows of examples, each of some keys in two slots. */
const batches = fc.array(
  fc.array(fc.array(fc.nat(6), { maxLength: 3 }), { minLength: 2, maxLength: 2 }),
  {
    minLength: 1,
    maxLength: 12,
  },
);

test('squares of what single examples say arrive as they were, of the slots that ask, however rows are shared out', () => {
  fc.assert(
    fc.property(batches, fc.constantFrom([true, false], [true, true]), (examples, asks) => {
      const lists = examples.flat();
      const offsets = Uint32Array.from(
        [0, ...lists].map((_list, i) => lists.slice(0, i).flat().length),
      );
      const fids = Uint32Array.from(lists.flat().flatMap((key) => [key, 0]));
      const batch = {
        rowCount: examples.length,
        slotCount,
        denseCount: 0,
        offsets,
        fids,
        dense: new Float32Array(0),
      };
      const plan = new FidDeduper().plan(batch, partitionCount);
      // Each occurrence says its number, so a row's sums tell who read it.
      const gradients = new Float32Array(plan.uniqueCount * dim);
      const values = new Float32Array(plan.uniqueCount * dim);
      plan.inverse.forEach((row, i) => {
        for (let d = 0; d < dim; d++) {
          gradients[row * dim + d]! += i + d;
          values[row * dim + d]! += (i + d) ** 2;
        }
      });
      const repeated = repeatedRows(plan, asks)!;
      const slotOf = (row: number): number => {
        let group = 0;
        for (let end = plan.counts[0]!; row >= end; end += plan.counts[group]!) group++;
        return group % slotCount;
      };
      // Two shards, of every other partition each.
      for (const shard of [0, 1]) {
        const own = [0, 1, 2, 3].filter((partition) => partition % 2 === shard);
        const starts = Uint32Array.from(own, (partition) => plan.partitionStarts[partition]!);
        const lengths = Uint32Array.from(
          own,
          (partition, i) => plan.partitionStarts[partition + 1]! - starts[i]!,
        );
        const rows = own.flatMap((_partition, i) =>
          Array.from({ length: lengths[i]! }, (_row, at) => starts[i]! + at),
        );
        const pushed = Float32Array.from(
          rows.flatMap((row) => [...gradients.subarray(row * dim, (row + 1) * dim)]),
        );
        const sent = repeatedSquares({ starts, lengths }, { values, repeated }, dim);
        const arrived = allSquares(pushed, sent, dim);
        rows.forEach((row, i) => {
          if (!asks[slotOf(row)]) return;
          expect(arrived.subarray(i * dim, (i + 1) * dim)).toEqual(
            values.subarray(row * dim, (row + 1) * dim),
          );
        });
        // What is read once is not sent.
        const reads = (row: number): number => plan.inverse.filter((each) => each === row).length;
        expect([...sent.rows]).toEqual(
          rows.flatMap((row, i) => (asks[slotOf(row)] && reads(row) > 1 ? [i] : [])),
        );
      }
      expect(repeatedRows(plan, [false, false])).toBeUndefined();
    }),
  );
});
