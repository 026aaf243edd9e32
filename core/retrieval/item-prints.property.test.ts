import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { changedBy } from '../features/entity-change.js';
import type { RawFeatures } from '../features/raw-features.js';
import { ItemPrints } from './item-prints.js';

const value = fc.oneof(
  fc.constantFrom(null, 7, '7', true, 'true', ''),
  fc.array(fc.constantFrom('a', 1)),
);
const told = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), value);
const step = fc.record({
  id: fc.constantFrom('x', 'y', '__proto__'),
  told,
  act: fc.constantFrom('patch', 'replace', 'put-patch', 'remove'),
});

/** As a plain map of attributes has it. */
test('prints of items change as the items do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const prints = new ItemPrints();
      const items = new Map<string, RawFeatures>();
      for (const { id, told, act } of steps) {
        const before = items.get(id);
        if (act === 'remove') {
          prints.remove(id);
          items.delete(id);
          continue;
        }
        const mode = act === 'replace' ? 'replace' : 'patch';
        const after = changedBy(before, told, mode);
        items.set(id, after);
        if (act !== 'patch') prints.put(id, told, mode);
        else {
          const isSame = before !== undefined && sorted(before) === sorted(after);
          const outcome = before === undefined ? 'added' : isSame ? 'unchanged' : 'changed';
          expect(prints.patch(id, told)).toBe(outcome);
        }
      }
      expect([...prints.ids()].sort()).toEqual([...items.keys()].sort());
      for (const [id, known] of items)
        for (const name of ['a', 'b', '__proto__', 'constructor'])
          expect(prints.knows(id, name)).toBe(Object.hasOwn(known, name));
    }),
  );
});

function sorted(known: RawFeatures): string {
  return JSON.stringify(Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1)));
}
