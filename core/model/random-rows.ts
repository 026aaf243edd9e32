import type { OccurrenceMarks } from '../features/example-batch.js';
import { mix32 } from '../base/hash.js';
import type { Labels } from './executor.js';
import { rowWidth, type ModelSpec } from './network.js';
import type { RowsBatch } from './pooled-batch.js';
import { FidDeduper, type Pooling } from './row-gather.js';

/** Examples of no meaning, to compare what computes networks. */

/** In ±1, a function of the seed. */
export function numbersOf(length: number, seed: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => (mix32(mix32(i + 1) ^ mix32(seed)) / 2 ** 32) * 2 - 1,
  );
}

/** Examples with none to `valuesMax` values in a slot, rows in common, and labels of which some count twice or not at all. */
export function randomRows(
  spec: ModelSpec,
  rowCount: number,
  seed: number,
  valuesMax = 3,
): RowsBatch & Labels {
  const { slotCount, factorDim, denseCount, heads } = spec;
  const cells = rowCount * slotCount;
  const chance = numbersOf((valuesMax + 5) * cells + 8, seed).map((value) => (value + 1) / 2);
  const offsets = new Uint32Array(cells + 1);
  for (let cell = 0; cell < cells; cell++)
    offsets[cell + 1] = offsets[cell]! + Math.floor((valuesMax + 1) * chance[cell]!);
  const count = offsets[cells]!;
  const fids = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) fids[2 * i] = Math.floor(40 * chance[cells + i]!);
  const dense = numbersOf(rowCount * denseCount, seed + 1);
  const marks = randomMarks(count, seed + 5);
  const batch = { rowCount, slotCount, denseCount, offsets, fids, dense, marks };
  const plan = new FidDeduper().plan(batch, 2);
  const poolings = Array.from({ length: slotCount }, (_, s): Pooling => (s % 2 ? 'mean' : 'sum'));
  const labels = numbersOf(rowCount * heads, seed + 2).map((value, i) =>
    spec.losses?.[i % heads] === 'squared' ? value : Number(value > 0.2),
  );
  const weights = numbersOf(rowCount * heads, seed + 3).map((value) => Math.round(1 + value));
  weights[0] = 1;
  return {
    ...{ rowCount, dense, labels, weights },
    rows: numbersOf(plan.uniqueCount * (1 + factorDim), seed + 4),
    pooling: { plan, batch, dim: 1 + factorDim, poolings },
  };
}

/** Types 1 to 3 or none, and ages of seconds to years, some not known. */
function randomMarks(count: number, seed: number): OccurrenceMarks {
  const chance = numbersOf(2 * count, seed).map((value) => (value + 1) / 2);
  return {
    eventTypes: Uint8Array.from({ length: count }, (_, i) => Math.floor(4 * chance[2 * i]!)),
    agesSeconds: Float32Array.from({ length: count }, (_, i) =>
      chance[2 * i + 1]! < 0.1 ? NaN : Math.exp(22 * chance[2 * i + 1]! - 2),
    ),
  };
}

/** One value in each slot, and of histories as many as they have, of which a third is seen again. */
export function usualRows(model: ModelSpec, rowCount: number): RowsBatch & Labels {
  const { slotCount, denseCount, heads } = model;
  const cells = rowCount * slotCount;
  const wave = (length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i) / 2);
  const lengths = new Map(model.histories?.map(({ slot, length }) => [slot, length]));
  const offsets = new Uint32Array(cells + 1);
  for (let cell = 0; cell < cells; cell++)
    offsets[cell + 1] = offsets[cell]! + (lengths.get(cell % slotCount) ?? 1);
  const fids = Uint32Array.from({ length: 2 * offsets[cells]! }, (_, i) =>
    i % 2 ? 0 : i % 3 && i,
  );
  const dense = wave(rowCount * denseCount);
  const batch = { rowCount, slotCount, denseCount, offsets, fids, dense };
  const plan = new FidDeduper().plan(batch, 1);
  const dim = rowWidth(model);
  const poolings = new Array<Pooling>(slotCount).fill('mean');
  return {
    ...{ rowCount, dense },
    rows: wave(plan.uniqueCount * dim),
    pooling: { plan, batch, dim, poolings },
    labels: Float32Array.from({ length: rowCount * heads }, (_, i) => i % 2),
    weights: new Float32Array(rowCount * heads).fill(1),
  };
}
