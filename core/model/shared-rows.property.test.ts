import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ExampleBatch } from '../features/example-batch.js';
import { featureSpecOf } from '../features/feature-spec.js';
import { createTransform } from '../features/transform.js';
import { FidDeduper, poolRows, spreadShared, type Pooling } from './row-gather.js';

const spec = featureSpecOf({
  user: { entity: 'user', source: 'user', kind: 'id' },
  tastes: { entity: 'user', source: 'tastes', kind: 'ids', pooling: 'sum', valuesMax: 4 },
  age: { entity: 'user', source: 'age', kind: 'dense', normalisation: { method: 'none' } },
  item: { entity: 'item', source: 'item', kind: 'id' },
  genres: { entity: 'item', source: 'genres', kind: 'ids', pooling: 'sum', valuesMax: 4 },
  price: { entity: 'item', source: 'price', kind: 'dense', normalisation: { method: 'none' } },
  device: { entity: 'context', source: 'device', kind: 'ids', pooling: 'sum', valuesMax: 2 },
  hour: { entity: 'context', source: 'hour', kind: 'dense', normalisation: { method: 'none' } },
});
const transform = createTransform(spec);
const dim = 3;
const poolings: Pooling[] = spec.slots.map((_slot, i) => (i % 2 === 0 ? 'sum' : 'mean'));

/** A row says which it is: the same fid of the same slot has the same values, whatever else is asked for. */
function pooledOf(batch: ExampleBatch): Float32Array {
  const plan = new FidDeduper().plan(batch, 4);
  const rows = new Float32Array(plan.uniqueCount * dim);
  for (let i = 0; i < plan.uniqueCount; i++)
    for (let d = 0; d < dim; d++) rows[i * dim + d] = Math.sin(plan.fids[2 * i]! + d);
  return poolRows({ plan, batch, dim, poolings }, rows);
}

const words = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 });
const request = fc.record({
  user: fc.record({ tastes: words, age: fc.nat(90) }),
  items: fc.array(fc.record({ genres: words, price: fc.nat(9) }), { minLength: 1, maxLength: 6 }),
  context: fc.record({ device: words, hour: fc.nat(23) }),
});

describe('what all rows of a request share', () => {
  test('is there once, and scored as if it were in each row', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const user = transform.encodeEntity('user', 'u', asked.user);
        const items = asked.items.map((raw, i) => transform.encodeEntity('item', `i${i}`, raw));
        const context = transform.encodeEntity('context', '', asked.context);
        const whole = transform.assemble(
          items.map(() => user),
          items,
          items.map(() => context),
        );
        const { batch, ...shared } = transform.share({ user, items, context });
        const pooled = pooledOf(batch);
        spreadShared(pooled, { slotCount: batch.slotCount, dim }, shared);
        // Bit for bit: what is learned from is what was scored.
        expect(pooled).toEqual(pooledOf(whole));
        expect(batch.dense).toEqual(whole.dense);
        const common = (user.fids.length + context.fids.length) * (items.length - 1);
        expect(batch.fids.length).toBe(whole.fids.length - common);
      }),
    );
  });
});
