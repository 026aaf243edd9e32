import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseSlate, type SlateInput } from './slate.js';

/** All put in order first. */
function plainSlate({ candidates, scores, k, exploration, random, without }: SlateInput): number[] {
  const order = [...candidates.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  const taken = new Set(order.filter((i) => without?.has(candidates[i]!)));
  const slate: number[] = [];
  while (slate.length < k && taken.size < candidates.length) {
    let choice = order.find((i) => !taken.has(i))!;
    if (exploration > 0 && random() < exploration) {
      const drawn = Math.floor(random() * candidates.length);
      if (!taken.has(drawn)) choice = drawn;
    }
    taken.add(choice);
    slate.push(choice);
  }
  return slate;
}

describe('a slate', () => {
  test('is what it is where all candidates are put in order first', () => {
    const draws = fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 45 }),
        fc.constantFrom(0, 0.3, 1),
        fc.array(fc.nat(40), { maxLength: 5 }),
        draws,
        (values, k, exploration, without, chances) => {
          const input = () => {
            let next = 0;
            return {
              candidates: values.map((_unused, i) => `i${i}`),
              scores: Float32Array.from(values, (value) => value / 6),
              ...{ k, exploration, without: new Set(without.map((i) => `i${i}`)) },
              random: () => chances[next++ % chances.length]! / 100,
            };
          };
          expect(chooseSlate(input())).toEqual(plainSlate(input()));
        },
      ),
      { numRuns: 500 },
    );
  });
});
