import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import type { Backend } from './backend.js';
import { numbersOf } from './executors.testkit.js';
import { kernelExecutor } from './kernels/kernel-executor.js';
import { kernelKind } from './kernels/kernel-module.js';
import { rowWidth, type ModelSpec } from './network.js';
import { scalesSize } from './number-scales.js';
import { calibrationSize } from './score-calibration.js';
import { createScorer } from './scorer.js';
import { denseLayout } from './dense-parameters.js';
import { sketchOf, sketchSize } from './quantile-sketch.js';
import { sidesOf, type TwoSides } from './two-sides.js';

const kinds = kernelKind() === 'relaxed' ? (['simd', 'relaxed'] as const) : (['simd'] as const);
const itemCount = 300;

interface Case {
  readonly model: ModelSpec;
  readonly sides: TwoSides;
}

const small = fc.nat(2);
const cases = fc
  .record({
    network: fc.constantFrom(...(['deepfm', 'fm', 'mlp', 'wide-and-deep'] as const)),
    factorDim: fc.integer({ min: 1, max: 17 }),
    hidden: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
    heads: fc.integer({ min: 1, max: 3 }),
    slots: fc.tuple(small, fc.integer({ min: 1, max: 3 }), small),
    columns: fc.tuple(small, small, small, small),
    /** The first column of items is a vector, or scaled. */
    first: fc.constantFrom('plain', 'vector', 'scaled', 'pair scaled'),
  })
  .map(({ slots, columns, first, ...rest }): Case => {
    const [before, own, behind] = slots;
    const [ofUser, ofItem, ofContext, pairs] = columns;
    const at = ofUser;
    const pairAt = ofUser + ofItem + ofContext;
    return {
      sides: { before, behind, denseBefore: ofUser, denseBehind: ofContext, pairs },
      model: {
        ...rest,
        slotCount: before + own + behind,
        denseCount: pairAt + pairs,
        ...(first === 'vector' && ofItem === 2 ? { vectors: [{ at, width: 2 }] } : {}),
        ...(first === 'scaled' && ofItem === 2 ? { scaled: [{ at, missingAt: at + 1 }] } : {}),
        ...(first === 'pair scaled' && pairs > 0 ? { scaled: [{ at: pairAt }] } : {}),
      },
    };
  });

function parametersOf(model: ModelSpec, seed: number): Float32Array {
  const { size } = denseLayout(model);
  const values = numbersOf(size + calibrationSize(model.heads) + scalesSize(model), seed);
  const from = size + calibrationSize(model.heads);
  for (let at = from; at < values.length; at += sketchSize)
    values.set(sketchOf(numbersOf(50, seed + at)), at);
  return values;
}

interface Rows {
  readonly pooled: Float32Array;
  readonly dense: Float32Array;
}

/** A row for each candidate, whole: what training would compute on. */
function assembled(some: Case, own: Rows, items: Rows, pairs: Float32Array, of: Uint32Array) {
  const { model, sides } = some;
  const dim = rowWidth(model);
  const { own: ownSide, item: itemSide } = sidesOf(model, sides);
  const [ownSlots, itemSlots] = [ownSide.slots.length, itemSide.slots.length];
  const rowCount = of.length;
  const pooled = new Float32Array(rowCount * model.slotCount * dim);
  const dense = new Float32Array(rowCount * model.denseCount);
  of.forEach((item, row) => {
    const slot = (slots: Float32Array, i: number) => slots.subarray(i * dim, (i + 1) * dim);
    const item0 = items.pooled.subarray(item * itemSlots * dim);
    const parts = [
      ...Array.from({ length: sides.before }, (_, i) => slot(own.pooled, i)),
      ...Array.from({ length: itemSlots }, (_, i) => slot(item0, i)),
      ...Array.from({ length: sides.behind }, (_, i) => slot(own.pooled, sides.before + i)),
    ];
    expect(parts.length).toBe(ownSlots + itemSlots);
    parts.forEach((part, i) => pooled.set(part, (row * model.slotCount + i) * dim));
    const itemDense = itemSide.denseCount;
    const numbers = [
      ...own.dense.subarray(0, sides.denseBefore),
      ...items.dense.subarray(item * itemDense, (item + 1) * itemDense),
      ...own.dense.subarray(sides.denseBefore),
      ...pairs.subarray(row * sides.pairs, (row + 1) * sides.pairs),
    ];
    dense.set(numbers, row * model.denseCount);
  });
  return { rowCount, pooled, dense };
}

describe.each(kinds)('scores of what is kept of items, %s', (kind) => {
  const executor = kernelExecutor(kind);
  const backend: Backend = { name: 'kernels', executor };

  test('are those of the whole network on the same rows, whatever changed before', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ change: fc.array(fc.nat(itemCount - 1), { minLength: 1, maxLength: 200 }) }) }, // prettier-ignore
      { weight: 1, arbitrary: fc.record({ version: fc.integer({ min: 1, max: 99 }) }) },
      { weight: 3, arbitrary: fc.record({ ask: fc.uniqueArray(fc.nat(itemCount - 1), { minLength: 1, maxLength: 280, size: 'max' }) }) }, // prettier-ignore
    );
    fc.assert(
      fc.property(
        cases,
        fc.array(step, { minLength: 2, maxLength: 12 }),
        fc.nat(1e6),
        (some, steps, seed) => {
          const { model, sides } = some;
          const dim = rowWidth(model);
          const { own: ownSide, item: itemSide } = sidesOf(model, sides);
          const [wide, numbers] = [itemSide.slots.length * dim, itemSide.denseCount];
          const split = executor.split!(model, sides)!;
          const whole = createScorer(backend, model);
          const items = {
            pooled: numbersOf(itemCount * wide, seed),
            dense: numbersOf(itemCount * numbers, seed + 1),
          };
          let version = { version: 1, values: parametersOf(model, seed) };
          let dirty = new Set(Array.from({ length: itemCount }, (_, i) => i));
          steps.forEach((each, n) => {
            if ('change' in each) {
              for (const item of each.change) {
                items.pooled.set(numbersOf(wide, seed + 7 * n + item), item * wide);
                items.dense.set(numbersOf(numbers, seed + 9 * n + item), item * numbers);
                dirty.add(item);
              }
            } else if ('version' in each) {
              version = { version: n + 2, values: parametersOf(model, each.version) };
            } else {
              const of = Uint32Array.from(each.ask);
              const own = {
                pooled: numbersOf(ownSide.slots.length * dim, seed + n),
                dense: numbersOf(ownSide.denseCount, n),
              };
              const pairs = numbersOf(of.length * sides.pairs, n + 3);
              if (split.load(version))
                dirty = new Set(Array.from({ length: itemCount }, (_, i) => i));
              const stale = of.filter((item) => dirty.has(item));
              const rowsOf = (all: Float32Array, width: number) =>
              Float32Array.from([...stale].flatMap((item) => [...all.subarray(item * width, (item + 1) * width)])); // prettier-ignore
              split.derive(stale, {
                pooled: rowsOf(items.pooled, wide),
                dense: rowsOf(items.dense, numbers),
              });
              for (const item of stale) dirty.delete(item);
              const found = split.score(own, of, pairs);
              const wanted = whole.score(assembled(some, own, items, pairs, of), version);
              expect(found).toHaveLength(wanted.length);
              const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
              const furthest = found.reduce(
                (most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)),
                0,
              );
              expect(furthest / largest).toBeLessThan(2e-5);
            }
          });
        },
      ),
      { numRuns: runs(30) },
    );
  });
});
