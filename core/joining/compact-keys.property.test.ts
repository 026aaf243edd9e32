import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { CompactKeys } from './compact-keys.js';

const names = Array.from({ length: 40 }, (_unused, n) => `key ${n}`);
const key = fc.constantFrom(...names);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key, ms: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(30) }) },
  ),
  { maxLength: 400 },
);

test('is a map of which things are over at the end of their bucket, and at the next look where they were over before', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 7 }), (each, bucketMs) => {
      const keys = new CompactKeys(bucketMs, 1);
      const model = new Map<string, { value: number; dueMs: number }>();
      let nowMs = 0;
      for (const [value, step] of each.entries()) {
        if (step.kind === 'set') {
          const untilMs = nowMs + step.ms - 10;
          keys.set(step.key, value, 0, untilMs);
          model.set(step.key, { value, dueMs: Math.ceil((untilMs + 1) / bucketMs) * bucketMs });
        } else if (step.kind === 'delete')
          expect(keys.delete(step.key)).toBe(model.delete(step.key));
        else {
          nowMs += step.ms;
          keys.forget(0, nowMs);
          for (const [name, { dueMs }] of model) if (dueMs <= nowMs) model.delete(name);
        }
        const known = names.map((name) => keys.get(name));
        expect(known).toEqual(names.map((name) => model.get(name)?.value));
      }
    }),
    { numRuns: runs(200) },
  );
});

test('holds many, tells them apart, and takes the room of those that are over', () => {
  const keys = new CompactKeys(1, 2);
  const count = 200_000;
  for (let n = 0; n < count; n++) keys.set(`0123456789:${n.toString(36)}`, n % 1_000, n % 2, n);
  const told = (from: number, by: number): number => {
    let right = 0;
    for (let n = from; n < count; n += by)
      if (keys.get(`0123456789:${n.toString(36)}`) === n % 1_000) right++;
    return right;
  };
  expect(told(0, 1)).toBe(count);
  expect(keys.get('0123456789')).toBeUndefined();
  keys.forget(0, 100_000);
  expect(keys.get(`0123456789:${(99_998).toString(36)}`)).toBeUndefined();
  expect(keys.get(`0123456789:${(99_999).toString(36)}`)).toBe(999);
  for (let n = 0; n < count; n++) keys.set(`again ${n}`, 1, 0, count + n);
  expect(told(1, 2)).toBe(count / 2);
  expect(keys.get(`again ${count - 1}`)).toBe(1);
});
