import { beforeAll, describe, expect, test } from '@jest/globals';
import { adamDefaults, adamStep, createAdamState } from './adam.js';
import { loadBackend, type Backend } from './backend.js';
import { sigmoid } from './calibration.js';
import { denseLayout, initialDense } from './dense-parameters.js';
import { networkNames, rowWidth, type ModelSpec } from './network.js';
import { createScorer } from './scorer.js';
import { loadTf } from './tfjs/load-tf.js';
import { createTrainingStep, type LabelledBatch } from './training-step.js';

const backends = ['kernels', 'wasm', 'cpu'] as const;
const specOf = (overrides: Partial<ModelSpec> = {}): ModelSpec => ({
  network: 'deepfm',
  slotCount: 3,
  factorDim: 4,
  denseCount: 2,
  hidden: [6, 5],
  heads: 1,
  ...overrides,
});

const headsOf: [string, Partial<ModelSpec>][] = [
  ['one head', { heads: 1 }],
  ['several heads', { heads: 3 }],
  ['chances and a value', { heads: 3, losses: ['cross-entropy', 'squared', 'cross-entropy'] }],
  [
    'vectors beside numbers',
    {
      denseCount: 8,
      vectors: [
        { at: 1, width: 3 },
        { at: 5, width: 2 },
      ],
    },
  ],
  ['vectors alone', { denseCount: 3, vectors: [{ at: 0, width: 3 }], heads: 2 }],
];

/** How many tensors TensorFlow.js has now; none of them are of the kernels. */
async function tensorsOf(name: (typeof backends)[number]): Promise<() => number> {
  if (name === 'kernels') return () => 0;
  const tf = await loadTf(name);
  return () => tf.memory().numTensors;
}

/** Reproducible values in ±1 that no two positions share. */
const wave = (length: number, phase: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + phase) * 0.9);

function batchOf(spec: ModelSpec, rowCount: number): LabelledBatch {
  return {
    rowCount,
    pooled: wave(rowCount * spec.slotCount * rowWidth(spec), 1),
    dense: wave(rowCount * spec.denseCount, 2),
    labels: Float32Array.from({ length: rowCount * spec.heads }, (_, i) =>
      spec.losses?.[i % spec.heads] === 'squared' ? (i % 7) / 2 : i % 3 === 0 ? 1 : 0,
    ),
    // Of several heads some know nothing of a row.
    weights: Float32Array.from({ length: rowCount * spec.heads }, (_, i) =>
      spec.heads > 1 && i % 5 === 4 ? 0 : 1 + (i % 2),
    ),
  };
}

/** As a network without vectors sees it: each is a slot more, whose row is x·[linear | kernel]. */
function projectedByDefinition(
  spec: ModelSpec,
  batch: LabelledBatch,
  read: (name: string, i: number) => number,
) {
  const { slotCount, factorDim: k, denseCount, vectors = [] } = spec;
  const slots = slotCount + vectors.length;
  const isPlain = (d: number) => vectors.every(({ at, width }) => d < at || d >= at + width);
  const columns = Array.from({ length: denseCount }, (_, d) => d).filter(isPlain);
  const row = (r: number, s: number, d: number) => {
    if (s < slotCount) return batch.pooled[(r * slotCount + s) * (1 + k) + d]!;
    const { at, width } = vectors[s - slotCount]!;
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const name = `vector${s - slotCount}.${d === 0 ? 'linear' : 'kernel'}`;
      const weight = read(name, d === 0 ? i : i * k + d - 1);
      sum += batch.dense[r * denseCount + at + i]! * weight;
    }
    return sum;
  };
  return { slots, row, dense: (r: number) => columns.map((d) => batch.dense[r * denseCount + d]!) };
}

/** DeepFM by its definition, in double precision: Σ weight·loss and the logits. */
function deepfmByDefinition(spec: ModelSpec, batch: LabelledBatch, parameters: ArrayLike<number>) {
  const { factorDim: k, heads } = spec;
  const at = new Map(denseLayout(spec).entries.map((entry) => [entry.name, entry]));
  const read = (name: string, i: number) => parameters[at.get(name)!.offset + i]!;
  const projected = projectedByDefinition(spec, batch, read);
  const slotCount = projected.slots;
  const logits: number[] = [];
  let lossSum = 0;
  for (let r = 0; r < batch.rowCount; r++) {
    const row = (s: number, d: number) => projected.row(r, s, d);
    const dense = projected.dense(r);
    let shared = read('bias', 0);
    dense.forEach((value, d) => (shared += value * read('linear', d)));
    for (let s = 0; s < slotCount; s++) shared += row(s, 0);
    for (let a = 0; a < slotCount; a++) {
      for (let b = a + 1; b < slotCount; b++) {
        for (let d = 1; d <= k; d++) shared += row(a, d) * row(b, d);
      }
    }
    let layer = [
      ...Array.from({ length: slotCount * k }, (_, i) => row(Math.floor(i / k), 1 + (i % k))),
      ...dense,
    ];
    spec.hidden.forEach((units, l) => {
      const input = layer;
      layer = Array.from({ length: units }, (_, o) =>
        Math.max(
          0,
          input.reduce(
            (sum, x, i) => sum + x * read(`hidden${l}.kernel`, i * units + o),
            read(`hidden${l}.bias`, o),
          ),
        ),
      );
    });
    for (let head = 0; head < heads; head++) {
      const own = layer.reduce((sum, x, i) => sum + x * read('output.kernel', i * heads + head), 0);
      const base =
        heads === 1 ? shared : shared * read('head.scale', head) + read('head.bias', head);
      logits.push(base + own);
      const at = r * heads + head;
      const [weight, label] = [batch.weights[at]!, batch.labels[at]!];
      if (spec.losses?.[head] === 'squared') {
        lossSum += (weight * (base + own - label) ** 2) / 2;
        continue;
      }
      const p = sigmoid(base + own);
      lossSum -= weight * Math.log(label === 1 ? p : 1 - p);
    }
  }
  return { logits, lossSum };
}

describe.each(backends)('training step on %s', (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await loadBackend(name);
  });

  test.each(headsOf)('computes DeepFM of %s and its weighted loss as defined', (_name, change) => {
    const spec = specOf(change);
    const batch = batchOf(spec, 7);
    const parameters = initialDense(spec, 5);
    const result = createTrainingStep(backend, spec)(batch, parameters);
    const expected = deepfmByDefinition(spec, batch, parameters);
    expected.logits.forEach((logit, r) => expect(result.logits[r]).toBeCloseTo(logit, 4));
    const weightSum = batch.weights.reduce((sum, weight) => sum + weight, 0);
    expect(result.loss).toBeCloseTo(expected.lossSum / weightSum, 5);
  });

  test.each(headsOf)(
    'gives rows the gradient of the sum and dense parameters that of the mean (finite differences), of %s',
    (_name, change) => {
      const spec = specOf(change);
      const batch = batchOf(spec, 7);
      const parameters = initialDense(spec, 5);
      const { pooledGradient, denseGradient } = createTrainingStep(backend, spec)(
        batch,
        parameters,
      );
      const weightSum = batch.weights.reduce((sum, weight) => sum + weight, 0);
      const h = 1e-5;
      const loss = (pooled: Float64Array, dense: Float64Array) =>
        deepfmByDefinition(spec, { ...batch, pooled: pooled as unknown as Float32Array }, dense)
          .lossSum;
      const slope = (values: Float64Array, i: number, f: () => number) => {
        const value = values[i]!;
        values[i] = value + h;
        const up = f();
        values[i] = value - h;
        const down = f();
        values[i] = value;
        return (up - down) / (2 * h);
      };
      const pooled = Float64Array.from(batch.pooled);
      const dense = Float64Array.from(parameters);
      pooledGradient.forEach((gradient, i) =>
        expect(gradient).toBeCloseTo(
          slope(pooled, i, () => loss(pooled, dense)),
          3,
        ),
      );
      denseGradient.forEach((gradient, i) =>
        expect(gradient).toBeCloseTo(slope(dense, i, () => loss(pooled, dense)) / weightSum, 4),
      );
    },
  );

  test.each(networkNames)(
    '%s learns: the loss falls when the gradients are followed',
    (network) => {
      const spec = specOf({ network });
      const step = createTrainingStep(backend, spec);
      const batch = batchOf(spec, 16);
      const parameters = initialDense(spec, 5);
      const adam = createAdamState(parameters.length);
      const first = step(batch, parameters).loss;
      let last = first;
      for (let i = 0; i < 60; i++) {
        const result = step(batch, parameters);
        adamStep(parameters, result.denseGradient, adam, { ...adamDefaults, learningRate: 0.01 });
        result.pooledGradient.forEach((gradient, c) => (batch.pooled[c]! -= 0.05 * gradient));
        last = result.loss;
      }
      expect(last).toBeLessThan(first / 2);
    },
  );

  test.each(networkNames)('%s works without dense features and for one example', (network) => {
    const spec = specOf({ network, denseCount: 0, hidden: [4] });
    const result = createTrainingStep(backend, spec)(batchOf(spec, 1), initialDense(spec, 1));
    expect(result.logits).toHaveLength(1);
    expect(result.pooledGradient).toHaveLength(15);
    expect(result.denseGradient).toHaveLength(denseLayout(spec).size);
    expect(result.pooledGradient.every(Number.isFinite)).toBe(true);
  });

  test('stays finite where the prediction is certain and wrong', () => {
    const spec = specOf({ network: 'fm', denseCount: 0 });
    const batch = batchOf(spec, 2);
    batch.pooled.fill(0);
    batch.pooled[0] = 500;
    batch.pooled[15] = -500;
    const opposite = { ...batch, labels: Float32Array.of(0, 1), weights: Float32Array.of(1, 1) };
    const result = createTrainingStep(backend, spec)(opposite, initialDense(spec, 1));
    expect(result.loss).toBeCloseTo(500, 3);
    expect(result.pooledGradient[0]).toBeCloseTo(1, 5);
    expect(result.pooledGradient[15]).toBeCloseTo(-1, 5);
  });

  test('an example of weight 0 teaches nothing', () => {
    const spec = specOf();
    const batch = batchOf(spec, 4);
    batch.weights[1] = 0;
    const { pooledGradient } = createTrainingStep(backend, spec)(batch, initialDense(spec, 1));
    const cells = spec.slotCount * rowWidth(spec);
    expect(pooledGradient.subarray(cells, 2 * cells).every((value) => value === 0)).toBe(true);
    expect(pooledGradient.subarray(0, cells).some((value) => value !== 0)).toBe(true);
  });

  test('keeps no tensor and does not change its arguments', async () => {
    const spec = specOf();
    const tensors = await tensorsOf(name);
    const step = createTrainingStep(backend, spec);
    const batch = batchOf(spec, 5);
    const parameters = initialDense(spec, 1);
    const before = {
      tensors: tensors(),
      pooled: batch.pooled.slice(),
      parameters: parameters.slice(),
    };
    for (let i = 0; i < 5; i++) step(batch, parameters);
    expect(tensors()).toBe(before.tensors);
    expect(batch.pooled).toEqual(before.pooled);
    expect(parameters).toEqual(before.parameters);
  });

  test('refuses arrays that do not fit the model', () => {
    const spec = specOf();
    const step = createTrainingStep(backend, spec);
    const batch = batchOf(spec, 2);
    const parameters = initialDense(spec, 1);
    expect(() => step({ ...batch, pooled: new Float32Array(3) }, parameters)).toThrow(
      '3 pooled values',
    );
    expect(() => step({ ...batch, dense: new Float32Array(3) }, parameters)).toThrow(
      '3 dense features',
    );
    expect(() => step(batch, new Float32Array(3))).toThrow('3 dense parameters');
    expect(() => step({ ...batch, rowCount: 0 }, parameters)).toThrow('needs an example');
  });
});

describe.each(backends)('scorer on %s', (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await loadBackend(name);
  });

  test.each(networkNames)('gives the logits that training sees (%s)', (network) => {
    const spec = specOf({ network });
    const batch = batchOf(spec, 9);
    const values = initialDense(spec, 4);
    const scorer = createScorer(backend, spec);
    const { logits } = createTrainingStep(backend, spec)(batch, values);
    scorer
      .score(batch, { version: 1, values })
      .forEach((logit, r) => expect(logit).toBeCloseTo(logits[r]!, 5));
    scorer.dispose();
  });

  test('keeps one version, follows a new one, and frees it at the end', async () => {
    const tensors = await tensorsOf(name);
    const spec = specOf();
    const batch = batchOf(spec, 4);
    const scorer = createScorer(backend, spec);
    const before = tensors();
    const old = { version: 1, values: initialDense(spec, 1) };
    const first = scorer.score(batch, old);
    const held = tensors();
    expect(held - before).toBe(name === 'kernels' ? 0 : denseLayout(spec).entries.length);
    const second = scorer.score(batch, { version: 2, values: initialDense(spec, 2) });
    expect(second).not.toEqual(first);
    expect(scorer.score(batch, old)).toEqual(first);
    expect(tensors()).toBe(held);
    scorer.dispose();
    expect(tensors()).toBe(before);
  });

  test('answers an empty request with nothing', () => {
    const spec = specOf();
    const empty = { rowCount: 0, pooled: new Float32Array(0), dense: new Float32Array(0) };
    const values = initialDense(spec, 1);
    expect(createScorer(backend, spec).score(empty, { version: 1, values })).toHaveLength(0);
  });
});
