import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { RememberedKeys, type RememberedSegment } from './remembered-keys.js';

const key = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  fc.record({
    ...{ kind: fc.constant('set' as const), key, value: fc.nat(3) },
    forMs: fc.nat(20),
  }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('tick' as const), lane: fc.constantFrom(0, 1), ms: fc.nat(9) }),
  fc.record({ kind: fc.constant('crash' as const), drains: fc.boolean() }),
);

/** A key is of one lane, as what it stands for. */
const laneOf = (of: string): number => (of === 'c' ? 1 : 0);

/** Until when each key is known, and in which lane: the last word on it. */
type Model = Map<string, { value: number; lane: number; untilMs: number }>;

test('keys are known as long as they were told to be, also from the store', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const nowMs = [0, 0];
      const stored = new Map<number, RememberedSegment>();
      let next = 1;
      let model: Model = new Map();
      let [kept, saved] = [new RememberedKeys(1, 2), new Map(model)];
      const drain = () => {
        for (const segment of kept.takeFresh()) {
          kept.seal(next, segment);
          stored.set(next++, segment);
        }
        for (const number of kept.takeEmpty(nowMs)) stored.delete(number);
        saved = new Map(model);
      };
      const forget = () => {
        for (const lane of [0, 1]) kept.forget(lane, nowMs[lane]!);
        for (const [each, { lane, untilMs }] of model)
          if (untilMs < nowMs[lane]!) model.delete(each);
      };
      for (const each of steps) {
        if (each.kind === 'set') {
          const { value } = each;
          const lane = laneOf(each.key);
          const untilMs = nowMs[lane]! + each.forMs;
          kept.set(each.key, value, lane, untilMs);
          model.set(each.key, { value, lane, untilMs });
        } else if (each.kind === 'delete') {
          kept.delete(each.key, laneOf(each.key));
          model.delete(each.key);
        } else if (each.kind === 'tick') {
          nowMs[each.lane]! += each.ms;
          forget();
        } else {
          if (each.drains) drain();
          kept = new RememberedKeys(1, 2);
          for (const [number, segment] of [...stored].sort(([a], [b]) => a - b))
            kept.restore(number, segment);
          model = new Map(saved);
          forget();
        }
        for (const name of ['a', 'b', 'c'])
          expect([name, kept.valueOf(name)]).toEqual([name, model.get(name)?.value]);
      }
    }),
    { numRuns: runs(500) },
  );
});
