import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Executor, Labels } from './executor.js';
import {
  expectClose,
  expectSameStep,
  expectSlope,
  parametersFor,
} from './executors.expectations.testkit.js';
import { randomRows } from './executors.testkit.js';
import { graphOf } from './graph.js';
import { historyNetworks } from './history-networks.testkit.js';
import { kernelExecutor } from './kernels/kernel-executor.js';
import { kernelKind } from './kernels/kernel-module.js';
import type { ModelSpec } from './network.js';
import { pooledOf, type RowsBatch } from './pooled-batch.js';
import type { SharedSlots } from './row-gather.js';
import { loadTf } from './tfjs/load-tf.js';
import { tfExecutor } from './tfjs/tf-executor.js';

let tfjs: Executor;
beforeAll(async () => {
  tfjs = tfExecutor(await loadTf('cpu'));
});
const kinds = kernelKind() === 'relaxed' ? (['simd', 'relaxed'] as const) : (['simd'] as const);
const names = Object.keys(historyNetworks) as (keyof typeof historyNetworks)[];
const seed = 1;

const histories: ModelSpec['histories'] = [
  { name: 'seen', slot: 0, of: 1, length: 50, events: ['view', 'buy'], ages: true },
  { name: 'bought', slot: 1, of: 1, length: 50, events: ['view', 'cart', 'buy'], ages: false },
];
const specs = fc.record<ModelSpec>({
  network: fc.constant('mlp'),
  slotCount: fc.integer({ min: 2, max: 4 }),
  factorDim: fc.integer({ min: 1, max: 9 }),
  denseCount: fc.constant(0),
  hidden: fc.constant([4]),
  heads: fc.integer({ min: 1, max: 3 }),
  histories: fc.constant(histories),
});
/** Few examples with long histories, and many with short ones: blocks that are full of occurrences, and of examples. */
const sizes = fc.oneof(
  fc.record({ rowCount: fc.integer({ min: 1, max: 20 }), valuesMax: fc.nat(400) }),
  fc.record({ rowCount: fc.integer({ min: 120, max: 270 }), valuesMax: fc.nat(20) }),
);
const batches = fc.tuple(specs, sizes, fc.integer({ min: 1, max: 1e6 }));

describe.each(kinds)('networks that look at histories, by kernels, %s', (kind) => {
  const executor = kernelExecutor(kind);

  test.each(names)('%s is what it is by TensorFlow.js, however long histories are', (name) => {
    fc.assert(
      fc.property(batches, ([spec, { rowCount, valuesMax }, chance]) => {
        const graph = graphOf(spec, historyNetworks[name]);
        const batch = randomRows(spec, rowCount, chance, valuesMax);
        expectSameStep([executor, tfjs], graph, batch, chance);
      }),
      { numRuns: 6, seed },
    );
  });

  test.each(names)('%s has the gradient that differences have', (name) => {
    const spec: ModelSpec = {
      ...{
        network: 'mlp',
        slotCount: 3,
        factorDim: 5,
        denseCount: 0,
        hidden: [],
        heads: 2,
        histories,
      },
    };
    const graph = graphOf(spec, historyNetworks[name]);
    expectSlope(executor, graph, randomRows(spec, 20, 3, 9), 5);
  });

  test.each(names)('%s has the same bits again, and for an example in whatever batch', (name) => {
    fc.assert(
      fc.property(batches, ([spec, { rowCount, valuesMax }, chance]) => {
        const graph = graphOf(spec, historyNetworks[name]);
        const batch = randomRows(spec, rowCount, chance, valuesMax);
        const values = parametersFor(graph, chance);
        const trainer = executor.trainer(graph);
        const first = trainer.rows(batch, values, true);
        // As of another batch in between.
        trainer.rows(randomRows(spec, 3, chance + 1, 500), values, false);
        expect(trainer.rows(batch, values, true)).toEqual(first);
        const scorer = executor.scorer(graph);
        const version = { version: 1, values };
        expect(scorer.rows(batch, version)).toEqual(first.logits);
        const last = exampleOf(batch, rowCount - 1);
        expect([...scorer.rows(last, version)]).toEqual([...first.logits.slice(-spec.heads)]);
      }),
      { numRuns: 10 },
    );
  });

  test.each(names)('%s is scored of what examples share as if each had it', (name) => {
    fc.assert(
      fc.property(batches, fc.nat(1), fc.nat(1), ([spec, size, chance], before, behind) => {
        const graph = graphOf(spec, historyNetworks[name]);
        const batch = randomRows(spec, size.rowCount, chance, Math.min(40, size.valuesMax));
        const shared = { before, behind };
        const once = sharing(batch, shared, false);
        const version = { version: 1, values: parametersFor(graph, chance) };
        const whole = executor.scorer(graph).rows(sharing(batch, shared, true), version);
        expect(executor.scorer(graph).rows({ ...once, shared }, version)).toEqual(whole);
        const byTf = tfjs.scorer(graph);
        expectClose(byTf.rows({ ...once, shared }, version), whole);
        byTf.dispose();
      }),
      { numRuns: 6, seed },
    );
  });

  test('rows that came pooled are refused where it looks at them one by one', () => {
    const spec: ModelSpec = {
      ...{ network: 'mlp', slotCount: 2, factorDim: 3, denseCount: 0, hidden: [], heads: 1 },
    };
    const graph = graphOf(spec, historyNetworks.encoder);
    const batch = randomRows(spec, 4, 1);
    const pooled = { ...batch, pooled: pooledOf(batch) };
    const values = parametersFor(graph, 1);
    for (const each of [executor, tfjs]) {
      const message = 'looks at the rows of slot 0 one by one, and they came pooled';
      expect(() => each.trainer(graph).pooled(pooled, values)).toThrow(message);
      expect(() => each.scorer(graph).pooled(pooled, { version: 1, values })).toThrow(message);
    }
  });
});

type Rows = RowsBatch & Labels;

function exampleOf(batch: Rows, row: number): RowsBatch {
  return cut(batch, [row], (_row, slot) => row * batch.pooling.batch.slotCount + slot);
}

/** The first example's values of shared slots in all, or in the first alone. */
function sharing(batch: Rows, { before, behind }: SharedSlots, inAll: boolean): RowsBatch {
  const { slotCount } = batch.pooling.batch;
  return cut(batch, [...Array(batch.rowCount).keys()], (row, slot) => {
    if (slot >= before && slot < slotCount - behind) return row * slotCount + slot;
    return inAll || row === 0 ? slot : undefined;
  });
}

/** @param cellOf which of the cells each is of; none: it is empty. */
function cut(
  { rows, pooling, dense }: Rows,
  examples: readonly number[],
  cellOf: (row: number, slot: number) => number | undefined,
): RowsBatch {
  const { batch, plan } = pooling;
  const { slotCount } = batch;
  const offsets = [0];
  const places: number[] = [];
  for (const row of examples)
    for (let slot = 0; slot < slotCount; slot++) {
      const cell = cellOf(row, slot);
      if (cell !== undefined)
        for (let i = batch.offsets[cell]!; i < batch.offsets[cell + 1]!; i++) places.push(i);
      offsets.push(places.length);
    }
  const inverse = Uint32Array.from(places, (place) => plan.inverse[place]!);
  const marks = {
    eventTypes: Uint8Array.from(places, (place) => batch.marks!.eventTypes[place]!),
    agesSeconds: Float32Array.from(places, (place) => batch.marks!.agesSeconds[place]!),
  };
  const own = { ...batch, rowCount: examples.length, offsets: Uint32Array.from(offsets), marks };
  const pooled = { ...pooling, batch: own, plan: { ...plan, inverse } };
  return { rowCount: examples.length, rows, pooling: pooled, dense };
}
