import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../core/base/runs.testkit.js';
import { KeptRows } from './kept-rows.js';

const dim = 2;

describe('rows that are kept', () => {
  test('are those that were, until their key is said to have changed', () => {
    const row = fc.record({ slot: fc.nat(2), low: fc.nat(3), high: fc.nat(1) });
    const step = fc.oneof(
      fc.record({ keep: row, value: fc.nat(99) }),
      fc.record({ changed: fc.array(row, { maxLength: 3 }) }),
      fc.record({ clear: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const kept = new KeptRows(dim);
        const model = new Map<string, number>();
        const nameOf = ({ slot, low, high }: { slot: number; low: number; high: number }) =>
          `${low} ${high} of ${slot}`;
        for (const each of steps) {
          if ('keep' in each) {
            const { slot, low, high } = each.keep;
            kept.keep(slot, low, high, Float32Array.of(0, each.value, -each.value), 1);
            model.set(nameOf(each.keep), each.value);
          } else if ('changed' in each) {
            kept.changed(Uint32Array.from(each.changed.flatMap(({ low, high }) => [low, high])));
            for (const { low, high } of each.changed)
              for (let slot = 0; slot <= 2; slot++) model.delete(nameOf({ slot, low, high }));
          } else {
            kept.clear();
            model.clear();
          }
          // One look at all of them: an expectation for each takes longer than all else.
          const found: unknown[] = [];
          const wanted: unknown[] = [];
          for (let i = 0; i < 24; i++) {
            const name = { slot: i % 3, low: (i / 3) & 3, high: i < 12 ? 0 : 1 };
            const target = new Float32Array(3);
            const value = model.get(nameOf(name));
            found.push(kept.read(name.slot, name.low, name.high, target, 1), ...target);
            wanted.push(value !== undefined, 0, value ?? 0, value === undefined ? 0 : -value);
          }
          // -0 is 0 here.
          expect(found.map((each) => each || 0)).toEqual(wanted.map((each) => each || 0));
        }
      }),
      { numRuns: runs(50) },
    );
  });

  test('begin anew where they are too many, and are never in another one’s place', () => {
    const kept = new KeptRows(1);
    const target = new Float32Array(1);
    let wrong = 0;
    for (let i = 0; i < 100_000; i++) {
      kept.keep(0, i, 0, Float32Array.of(i), 0);
      if (!kept.read(0, i, 0, target, 0) || target[0] !== i) wrong++;
    }
    expect(wrong).toBe(0);
    expect(kept.count).toBeLessThanOrEqual(32_768);
    expect(kept.read(0, 1, 0, target, 0)).toBe(false);
  });
});
