import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { Stash } from './stash.js';

test('any sequence of insertions, removals and drains is that of a Map', () => {
  const key = fc.tuple(fc.integer({ min: 0, max: 24 }), fc.constantFrom(0, -1, 7));
  const step = fc.tuple(fc.constantFrom('insert', 'insert', 'remove', 'drain'), key);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const stash = new Stash(seed);
      const model = new Map<string, number>();
      steps.forEach(([kind, [low, high]], i) => {
        const name = `${low},${high}`;
        if (kind === 'drain') {
          // Odd ones find a home elsewhere.
          stash.drain((l, h) => (l + h) % 2 !== 0 && model.delete(`${l},${h}`));
        } else if (kind === 'remove') {
          expect(stash.remove(low, high)).toBe(model.get(name) ?? 0);
          model.delete(name);
        } else if (!model.has(name)) {
          stash.insert(low, high, i + 1);
          model.set(name, i + 1);
        }
      });
      expect(stash.size).toBe(model.size);
      const found = new Map<string, number>();
      for (let low = 0; low <= 24; low++)
        for (const high of [0, -1, 7])
          if (stash.find(low, high) !== 0) found.set(`${low},${high}`, stash.find(low, high));
      expect(found).toEqual(new Map([...model].sort(byNumbers)));
    }),
    { numRuns: runs(200) },
  );
});

function byNumbers([a]: [string, number], [b]: [string, number]): number {
  return Number(a.split(',')[0]) - Number(b.split(',')[0]);
}
