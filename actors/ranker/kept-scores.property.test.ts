import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { sleep } from '../../core/base/clock.js';
import { hashPair } from '../../core/base/hash.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform, type EncodedEntity } from '../../core/features/transform.js';
import { denseLayout } from '../../core/model/dense-parameters.js';
import { numbersOf } from '../../core/model/executors.testkit.js';
import { kernelExecutor } from '../../core/model/kernels/kernel-executor.js';
import { kernelKind } from '../../core/model/kernels/kernel-module.js';
import type { ModelSpec } from '../../core/model/network.js';
import { FidDeduper, poolRows } from '../../core/model/row-gather.js';
import { createScorer } from '../../core/model/scorer.js';
import { twoSidesOf } from '../../core/model/two-sides.js';
import { Deadline } from '../../runtime/deadline.js';
import { KeptRows } from './kept-rows.js';
import { KeptScores, type KeptScored } from './kept-scores.js';

const spec = featureSpecOf({
  user: { entity: 'user', source: 'user', kind: 'id' },
  age: { entity: 'user', source: 'age', kind: 'dense', normalisation: { method: 'none' } },
  item: { entity: 'item', source: 'item', kind: 'id' },
  genres: { entity: 'item', source: 'genres', kind: 'ids', pooling: 'mean', valuesMax: 4 },
  price: { entity: 'item', source: 'price', kind: 'dense', normalisation: { method: 'none' } },
  device: { entity: 'context', source: 'device', kind: 'id' },
});
const transform = createTransform(spec);
const poolings = spec.slots.map(({ pooling }) => pooling);
const rowsOf = Uint32Array.from(spec.slots, (slot) => slot.rowsOf);
const model: ModelSpec = {
  ...{ network: 'deepfm', slotCount: spec.slots.length, factorDim: 3, hidden: [6], heads: 1 },
  denseCount: spec.denseWidth,
};
const dim = 1 + model.factorDim;
const sides = twoSidesOf(spec);
const partitionCount = 2;
const executor = kernelExecutor(kernelKind()!);
const whole = createScorer({ name: 'kernels', executor }, model);
const genres = ['a', 'b', 'c'];
const itemIds = ['i0', 'i1', 'i2', 'i3', 'i4', 'i5'];

/** Features, rows and versions as they are now; and a ranker that hears of changes of rows when it asks. */
function setUp() {
  const clock = new ManualClock();
  const kept = new KeptRows(dim);
  const deduper = new FidDeduper();
  const told = new Map<string, EncodedEntity>();
  /** By hash of the key, how often a row changed. */
  const changed = new Map<number, number>();
  let unheard: number[] = [];
  let denseVersion = 1;
  const encode = (entity: 'user' | 'item', id: string, raw = {}) =>
    transform.encodeEntity(entity, id, raw);
  const get = (entity: 'user' | 'item', id: string): EncodedEntity => {
    const known = told.get(`${entity} ${id}`) ?? encode(entity, id);
    told.set(`${entity} ${id}`, known);
    return known;
  };
  const rowOf = (low: number, high: number): Float32Array =>
    numbersOf(dim, hashPair(low, high, changed.get(hashPair(low, high, 7)) ?? 0));
  const shard = { waitMs: 1, isOvertaken: false };
  const find = async (batch: ExampleBatch) => {
    const { isOvertaken } = shard;
    shard.isOvertaken = false;
    await sleep(clock, shard.waitMs);
    const plan = deduper.plan(batch, partitionCount, rowsOf);
    kept.changed(Uint32Array.from(unheard));
    unheard = [];
    const rows = new Float32Array(plan.uniqueCount * dim);
    let row = 0;
    for (let group = 0; group < plan.counts.length; group++)
      for (let n = plan.counts[group]!; n > 0; n--, row++) {
        const [low, high] = [plan.fids[2 * row]!, plan.fids[2 * row + 1]!];
        rows.set(rowOf(low, high), row * dim);
        if (!isOvertaken) kept.keep(group % plan.slotCount, low, high, rows, row * dim);
      }
    return {
      ...{ rows, pooling: { plan, batch, dim, poolings } },
      ...{ through: 5, degraded: false, rerouted: false },
    };
  };
  const parameters = () => numbersOf(denseLayout(model).size, denseVersion);
  const version = () => {
    const values = versions.get(denseVersion) ?? parameters();
    versions.set(denseVersion, values);
    return {
      specHash: '',
      denseVersion,
      trainedThrough: 1,
      outcomes: ['click'],
      parameters: values,
    };
  };
  const versions = new Map<number, Float32Array>();
  const scores = new KeptScores({
    ...{ clock, transform, sides, shape: { dim, poolings, rowsOf } },
    features: {
      get: async (users: readonly string[], items: readonly string[]) => ({
        users: users.map((id) => get('user', id)),
        items: items.map((id) => get('item', id)),
        degraded: false,
      }),
    },
    // Not fresh: what changed is heard of first, and then fetched.
    rows: { find, kept: { kept, standing: () => ({ isFresh: false, through: 5 }) } },
    versions: { versionFor: version },
    newScorer: () => executor.split!(model, sides)!,
  });
  return {
    ...{ clock, shard },
    told: (entity: 'user' | 'item', id: string, raw: object) =>
      told.set(`${entity} ${id}`, encode(entity, id, raw)),
    /** All rows that an entity has. */
    trained: (entity: 'user' | 'item', id: string) => {
      const { fids } = get(entity, id);
      for (let i = 0; i < fids.length; i += 2) {
        const key = hashPair(fids[i]!, fids[i + 1]!, 7);
        changed.set(key, (changed.get(key) ?? 0) + 1);
        unheard.push(fids[i]!, fids[i + 1]!);
      }
    },
    forget: () => kept.clear(),
    next: () => denseVersion++,
    /** As it is scored, and as training would on the same rows now. */
    ask: (user: string, items: readonly string[], device: string) => {
      const context = transform.encodeEntity('context', '', { device });
      const deadline = new Deadline(clock, 1_000);
      const hurry = { hedges: { call: () => Promise.reject(new Error('not asked')) }, deadline };
      const found = scores.score({ user, items, context, deadline, hurry });
      const fresh = (scored: KeptScored): Float32Array => {
        const batch = transform.assemble(
          items.map(() => scored.user),
          scored.items,
          items.map(() => context),
        );
        const plan = new FidDeduper().plan(batch, partitionCount, rowsOf);
        const rows = new Float32Array(plan.uniqueCount * dim);
        for (let row = 0; row < plan.uniqueCount; row++)
          rows.set(rowOf(plan.fids[2 * row]!, plan.fids[2 * row + 1]!), row * dim);
        const pooled = poolRows({ plan, batch, dim, poolings }, rows);
        const { rowCount, dense } = batch;
        return whole.score({ rowCount, pooled, dense }, { version: scored.version.denseVersion, values: scored.version.parameters }); // prettier-ignore
      };
      return { found, fresh };
    },
  };
}

const someItems = fc.uniqueArray(fc.constantFrom(...itemIds), { minLength: 1 });
const someGenres = fc.uniqueArray(fc.constantFrom(...genres));
const step = fc.oneof(
  fc.record({ told: fc.constantFrom(...itemIds), genres: someGenres, price: fc.nat(3) }),
  fc.record({ person: fc.constantFrom('u', 'v'), age: fc.nat(3) }),
  fc.record({ trained: fc.constantFrom(...itemIds) }),
  fc.record({ learned: fc.constantFrom('u', 'v') }),
  fc.record({ next: fc.constant(true) }),
  fc.record({ forget: fc.constant(true) }),
  fc.record({ overtaken: fc.constant(true) }),
  {
    weight: 4,
    arbitrary: fc.record({
      ask: fc.array(
        fc.record({
          user: fc.constantFrom('u', 'v'),
          items: someItems,
          device: fc.constantFrom('phone', 'tablet'),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      /** Told while rows are on their way, and heard of by another request. */
      meanwhile: fc.option(fc.record({ id: fc.constantFrom(...itemIds), genres: someGenres })),
    }),
  },
);

describe('scores by what is kept of items', () => {
  test('are those of fresh rows, whatever was told, learned and forgotten before, also of requests of one moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const world = setUp();
        for (const each of steps) {
          // Features are looked at again after a moment.
          await world.clock.advance(200);
          if ('told' in each) world.told('item', each.told, each);
          else if ('person' in each) world.told('user', each.person, { age: each.age });
          else if ('trained' in each) world.trained('item', each.trained);
          else if ('learned' in each) world.trained('user', each.learned);
          else if ('next' in each) world.next();
          else if ('forget' in each) world.forget();
          else if ('overtaken' in each) world.shard.isOvertaken = true;
          else {
            world.shard.waitMs = each.meanwhile ? 150 : 1;
            const asked = each.ask.map(({ user, items, device }) => world.ask(user, items, device));
            if (each.meanwhile) {
              await world.clock.advance(120);
              world.told('item', each.meanwhile.id, each.meanwhile);
              world.shard.waitMs = 1;
              asked.push(world.ask('u', itemIds, 'phone'));
            }
            for (let n = 0; n < 40; n++) await world.clock.advance(10);
            for (const { found, fresh } of asked) {
              const scored = await found;
              // With features that came in between there may be no rows yet, and it says so.
              if (each.meanwhile && scored.degraded) continue;
              expect(scored.degraded).toBe(false);
              const wanted = fresh(scored);
              expect(scored.logits).toHaveLength(wanted.length);
              wanted.forEach((value, i) => expect(scored.logits[i]).toBeCloseTo(value, 4));
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
