import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Cell } from './cell.js';
import { addTo, mergedCell, sumsOf } from './cell.js';
import type { Memory } from './kept-rules.js';

interface Added {
  readonly value: number;
  readonly atMs: number;
}

const windowMs = 12_000;
const memories: readonly Memory[] = [
  { kind: 'ever' },
  { kind: 'last', count: 10 },
  { kind: 'halfLife', ms: 5_000 },
  { kind: 'window', ms: windowMs },
];

function cellOf(memory: Memory, all: readonly Added[]): Cell | undefined {
  let cell: Cell | undefined;
  for (const { value, atMs } of all) cell = addTo(memory, cell, value, { weight: 1, atMs });
  return cell;
}

/** The same, from all that was added. */
function modelOf(memory: Memory, all: readonly Added[], nowMs: number) {
  const weightOf = ({ atMs }: Added, i: number): number => {
    switch (memory.kind) {
      case 'ever':
        return 1;
      case 'last':
        return (1 - 1 / memory.count) ** (all.length - 1 - i);
      case 'halfLife': {
        const newestMs = Math.max(nowMs, ...all.map((each) => each.atMs));
        return 2 ** ((atMs - newestMs) / memory.ms);
      }
      case 'window': {
        const bucketMs = memory.ms / 12;
        const age = Math.floor(nowMs / bucketMs) - Math.floor(atMs / bucketMs);
        return age < 12 ? 1 : 0;
      }
    }
  };
  const weights = all.map(weightOf);
  return {
    n: weights.reduce((sum, weight) => sum + weight, 0),
    sum: all.reduce((sum, { value }, i) => sum + weights[i]! * value, 0),
  };
}

const added = fc.record({ value: fc.integer({ min: -5, max: 5 }), atMs: fc.nat(60_000) });
const someAdded = fc.array(added, { maxLength: 30 });

describe.each(memories)('a cell that remembers $kind', (memory) => {
  test('counts and sums what it remembers', () => {
    fc.assert(
      fc.property(someAdded, fc.nat(20_000), (all, later) => {
        const nowMs = Math.max(0, ...all.map(({ atMs }) => atMs)) + later;
        const { n, sum } = sumsOf(memory, cellOf(memory, all), nowMs);
        const model = modelOf(memory, all, nowMs);
        expect(n).toBeCloseTo(model.n, 6);
        expect(sum).toBeCloseTo(model.sum, 6);
      }),
    );
  });

  test('takes back what it was told last', () => {
    fc.assert(
      fc.property(someAdded, added, (all, one) => {
        if (memory.kind === 'last') return; // What was before it has faded already.
        const before = sumsOf(memory, cellOf(memory, all), 60_000);
        let cell = cellOf(memory, [...all, one]);
        cell = addTo(memory, cell, one.value, { weight: -1, atMs: one.atMs });
        const after = sumsOf(memory, cell, 60_000);
        expect(after.n).toBeCloseTo(before.n, 6);
        expect(after.sum).toBeCloseTo(before.sum, 6);
      }),
    );
  });

  test('of two, together, is what one would be that was told all', () => {
    fc.assert(
      fc.property(someAdded, someAdded, (some, others) => {
        if (memory.kind === 'last' || others.length === 0) return; // The order of both is lost.
        const merged = mergedCell(memory, cellOf(memory, some), cellOf(memory, others)!);
        const both = sumsOf(memory, merged, 60_000);
        const one = sumsOf(memory, cellOf(memory, [...some, ...others]), 60_000);
        expect(both.n).toBeCloseTo(one.n, 6);
        expect(both.sum).toBeCloseTo(one.sum, 6);
      }),
    );
  });
});
