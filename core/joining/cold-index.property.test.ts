import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { ColdIndex, type ColdRow } from './cold-index.js';

const bucketMs = 10;

interface Kept extends ColdRow {
  readonly dueMs: number;
}

type Step =
  | { readonly add: Omit<Kept, 'number'> }
  | { readonly remove: number }
  | { readonly advance: { readonly lane: number; readonly byMs: number } };

// Few of each, so that they meet.
const row = fc.record({
  key: fc.integer({ min: 0, max: 400 }).map((n) => `key ${n}`),
  person: fc.integer({ min: 0, max: 12 }).map((n) => `person ${n}`),
  item: fc.integer({ min: 0, max: 5 }).map((n) => `item ${n}`),
  lane: fc.integer({ min: 0, max: 1 }),
  dueMs: fc.integer({ min: 0, max: 2_000 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: row }) },
  { weight: 3, arbitrary: fc.record({ remove: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      advance: fc.record({
        lane: fc.integer({ min: 0, max: 1 }),
        byMs: fc.integer({ min: 0, max: 60 }),
      }),
    }),
  },
);

test('knows where rows are as a list of them does', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 600, size: 'max' }), (script) => {
      const index = new ColdIndex(bucketMs, 2);
      const kept = new Map<number, Kept>();
      const watermarks = [0, 0];
      let number = 0;
      const numbers = (ids: readonly number[]) => ids.map((id) => index.numberOf(id)).sort(upwards);
      const those = (isOne: (each: Kept) => boolean) =>
        [...kept.values()]
          .filter(isOne)
          .map((each) => each.number)
          .sort(upwards);
      const remove = (id: number) => {
        kept.delete(index.numberOf(id));
        index.remove(id);
      };
      for (const each of script) {
        if ('add' in each) {
          const added = { ...each.add, number: ++number };
          kept.set(number, added);
          index.add(added, added.dueMs);
          const { key, person, item } = added;
          if (number % 5 !== 0) continue;
          expect(numbers(index.withKey(key))).toEqual(those((one) => one.key === key));
          expect(numbers(index.of(person))).toEqual(those((one) => one.person === person));
          expect(numbers(index.of(person, item))).toEqual(
            those((one) => one.person === person && one.item === item),
          );
        } else if ('remove' in each) {
          const all = [...kept.values()];
          const one = all[each.remove % all.length];
          if (!one) continue;
          const id = index.of(one.person).find((found) => index.numberOf(found) === one.number)!;
          remove(id);
          expect(index.withKey(one.key).map((found) => index.numberOf(found))).not.toContain(
            one.number,
          );
        } else {
          const { lane, byMs } = each.advance;
          const watermarkMs = (watermarks[lane] = watermarks[lane]! + byMs);
          const due = index.dueIn(lane, watermarkMs);
          const isDue = (one: Kept) =>
            one.lane === lane && Math.ceil(one.dueMs / bucketMs) * bucketMs <= watermarkMs;
          expect(numbers(due)).toEqual(those(isDue));
          for (const id of due) remove(id);
        }
        expect(index.size).toBe(kept.size);
      }
    }),
    { numRuns: runs(60) },
  );
});

function upwards(a: number, b: number): number {
  return a - b;
}
