import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadBackend, type Backend } from './backend.js';
import { denseLayout, initialDense } from './dense-parameters.js';
import type { ModelSpec } from './network.js';
import { numbersOf, randomRows } from './random-rows.js';
import { FidDeduper } from './row-gather.js';
import { createSampledStep, type SampledBatch } from './sampled-softmax.js';
import { SamplingFrequency } from './sampling-frequency.js';
import { twoTowersOf } from './two-towers.js';

const spec: ModelSpec = {
  ...{ network: 'two-tower', slotCount: 3, factorDim: 4, denseCount: 2, hidden: [6], heads: 1 },
  sides: { slots: ['user', 'item', 'item'], columns: ['user', 'item'] },
};
let backends: Backend[];
beforeAll(async () => {
  backends = [await loadBackend('kernels'), await loadBackend('wasm')];
});

/** Nine positives, of which two took the same item, and three drawn at random. */
function batchOf(seed: number): SampledBatch {
  const { rowCount, rows, pooling, dense } = randomRows(spec, 12, seed);
  return {
    ...{
      rowCount,
      rows,
      pooling,
      dense,
      positives: 9,
      items: Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 1, 9, 2, 10]),
    },
    logQ: numbersOf(12, seed + 1),
    weights: numbersOf(9, seed + 2).map((value) => 1 + value / 2),
  };
}

const along = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('sampled softmax over the items of a batch', () => {
  test('has the gradients that differences have, on every executor', () => {
    for (const backend of backends) {
      const step = createSampledStep(backend, spec);
      const batch = batchOf(5);
      const values = numbersOf(denseLayout(spec).size, 3).map((value) => value / 2);
      const { rowGradient, denseGradient } = step(batch, values);
      const weightSum = batch.weights!.reduce((sum, weight) => sum + weight, 0);
      const [ofRows, ofDense] = [batch.rows.length, values.length].map((n) => numbersOf(n, 8));
      const lossAt = (h: number): number =>
        step(
          { ...batch, rows: batch.rows.map((value, i) => value + h * ofRows![i]!) },
          values.map((value, i) => value + h * ofDense![i]!),
        ).loss;
      const h = 1e-3;
      const difference = (lossAt(h) - lossAt(-h)) / (2 * h);
      const slope = along(rowGradient, ofRows!) / weightSum + along(denseGradient, ofDense!);
      expect(Math.abs(slope)).toBeGreaterThan(0.05);
      expect(Math.abs(slope - difference)).toBeLessThan(0.01 * Math.abs(slope));
    }
  });

  test('is the same on every executor, and again', () => {
    const values = numbersOf(denseLayout(spec).size, 3);
    const [kernels, tfjs] = backends.map((backend) => createSampledStep(backend, spec));
    const [found, wanted] = [kernels!, tfjs!].map((step) => step(batchOf(6), values));
    expect(Math.abs(found!.loss / wanted!.loss - 1)).toBeLessThan(1e-6);
    found!.denseGradient.forEach((value, i) =>
      expect(value).toBeCloseTo(wanted!.denseGradient[i]!, 5),
    );
    expect(kernels!(batchOf(6), values)).toEqual(found);
  });

  test('of one item that all took there is nothing to learn', () => {
    const batch = batchOf(7);
    const step = createSampledStep(backends[0]!, spec);
    const values = initialDense(spec, 1);
    const { loss, rowGradient } = step({ ...batch, items: batch.items.map(() => 4) }, values);
    expect(loss).toBe(0);
    expect(rowGradient.every((value) => value === 0)).toBe(true);
  });

  test('learns how often items are taken where it knows how often they are sampled, and not where it does not', () => {
    const [often, seldom] = [itemsLearned(true), itemsLearned(false)];
    // Taken 8, 4, 2 and 1 times of 15 by whoever asks.
    [0, 1, 2].forEach((item) => {
      expect(Math.abs(often[item]! - often[item + 1]! - Math.LN2)).toBeLessThan(0.15);
    });
    expect(seldom[2]! - seldom[3]!).toBeLessThan(0.3);
  });
});

/** Scores of four items for the one user that there is. */
function itemsLearned(corrected: boolean): number[] {
  const model: ModelSpec = {
    ...{ network: 'two-tower', slotCount: 2, factorDim: 1, denseCount: 0, hidden: [], heads: 1 },
    sides: { slots: ['user', 'item'], columns: [] },
  };
  const step = createSampledStep(backends[0]!, model);
  const frequency = new SamplingFrequency();
  const values = initialDense(model, 1);
  const table = new Float32Array(5 * 2);
  const sums = [0, 0, 0, 0];
  let checks = 0;
  const towers = twoTowersOf(backends[0]!, model);
  const scores = (version: number): number[] => {
    const pooled = new Float32Array(4 * 4);
    for (let item = 1; item <= 4; item++)
      pooled.set([table[0]!, table[1]!, table[2 * item]!, table[2 * item + 1]!], 4 * (item - 1));
    const batch = { rowCount: 4, pooled, dense: new Float32Array(0) };
    const [vectors, users] = [
      towers.items(batch, { version, values }),
      towers.users(batch, { version, values }),
    ];
    return [0, 1, 2, 3].map((i) => vectors[2 * i]! * users[0]! + vectors[2 * i + 1]!);
  };
  const size = 8;
  for (let n = 0; n < 8_000; n++) {
    const chance = numbersOf(size, n + 1);
    const items = Uint32Array.from(chance, (value) => {
      const drawn = ((value + 1) / 2) * 15;
      return drawn < 8 ? 1 : drawn < 12 ? 2 : drawn < 14 ? 3 : 4;
    });
    frequency.observe(items, n);
    const fids = new Uint32Array(4 * size);
    items.forEach((item, i) => (fids[4 * i + 2] = item));
    const offsets = Uint32Array.from({ length: 2 * size + 1 }, (_unused, cell) => cell);
    const dense = new Float32Array(0);
    const batch = { rowCount: size, slotCount: 2, denseCount: 0, offsets, fids, dense };
    const plan = new FidDeduper().plan(batch, 1);
    const keys = plan.fids.filter((_value, i) => i % 2 === 0);
    const rows = new Float32Array(plan.uniqueCount * 2);
    for (let i = 0; i < plan.uniqueCount; i++)
      rows.set(table.subarray(2 * keys[i]!, 2 * keys[i]! + 2), 2 * i);
    const pooling = { plan, batch, dim: 2, poolings: ['sum', 'sum'] as const };
    const logQ = corrected ? frequency.logQ(items, n) : new Float32Array(size);
    const given = { rowCount: size, rows, pooling, dense, items, logQ, positives: size };
    const { rowGradient } = step(given, values);
    for (let i = 0; i < plan.uniqueCount; i++)
      for (let w = 0; w < 2; w++)
        table[2 * keys[i]! + w]! -= (0.3 / size) * rowGradient[2 * i + w]!;
    // What single steps do is noise.
    if (n >= 4_000 && n % 20 === 0) {
      scores(n).forEach((score, item) => (sums[item]! += score));
      checks++;
    }
  }
  return sums.map((sum) => sum / checks);
}

test('how often items come is learned of the stream', () => {
  const frequency = new SamplingFrequency({ places: 1 << 12 });
  const steps = 4_000;
  for (let step = 0; step < steps; step++) {
    const items = [1, 2, 3].filter((item) => step % 2 ** item === 0);
    // Others share places with them, now and then.
    frequency.observe(Uint32Array.from([...items, 10 + (step % 500)]), step);
  }
  const found = frequency.logQ(Uint32Array.of(1, 2, 3, 12, 99_999), steps);
  [2, 4, 8, 500, steps + 1].forEach((gap, i) => {
    expect(Math.abs(found[i]! + Math.log(gap))).toBeLessThan(0.2);
  });
});
