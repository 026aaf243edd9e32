import { markWidth, marksOf, requireHistory } from '../history-marks.js';
import type { ModelSpec } from '../network.js';
import type { RowPooling, SharedSlots } from '../row-gather.js';

/** Rows of one slot, one for each occurrence, examples after one another. */
export interface Occurrences {
  readonly count: number;
  /** f32 [count × dim] */
  readonly values: Float32Array;
  /** u32 [examples + 1]: those of an example lie between two of them. */
  readonly offsets: Uint32Array;
  /** u32 [count]: which of all places of the batch each is. */
  readonly placeOf: Uint32Array;
}

export function gatherOccurrences(
  { plan, batch, dim }: RowPooling,
  slot: number,
  rows: Float32Array,
  shared?: SharedSlots,
): Occurrences {
  const { rowCount, slotCount } = batch;
  const isShared = shared && (slot < shared.before || slot >= slotCount - shared.behind);
  const cellOf = (row: number): number => (isShared ? slot : row * slotCount + slot);
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0; row < rowCount; row++) {
    const cell = cellOf(row);
    offsets[row + 1] = offsets[row]! + batch.offsets[cell + 1]! - batch.offsets[cell]!;
  }
  const count = offsets[rowCount]!;
  const placeOf = new Uint32Array(count);
  const values = new Float32Array(count * dim);
  for (let row = 0; row < rowCount; row++) {
    const start = batch.offsets[cellOf(row)]!;
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) placeOf[i] = start + i - offsets[row]!;
  }
  for (let i = 0; i < count; i++) {
    const at = plan.inverse[placeOf[i]!]! * dim;
    values.set(rows.subarray(at, at + dim), i * dim);
  }
  return { count, values, offsets, placeOf };
}

/** f32 [count × columns]: what is known of each. */
export function occurrenceMarks(
  { histories }: ModelSpec,
  { batch }: RowPooling,
  slot: number,
  { placeOf }: Occurrences,
): { readonly values: Float32Array; readonly columns: number } {
  const history = requireHistory(histories, slot);
  return { values: marksOf(history, batch.marks, placeOf), columns: markWidth(history) };
}

/** f32 [places × dim]: of each place that a row was read from, what pooling makes of the gradient of its cell. */
export function placeGradients(
  { plan, batch, dim, poolings }: RowPooling,
  pooledGradient: Float32Array,
): Float32Array {
  const { offsets, slotCount, rowCount } = batch;
  const places = new Float32Array(plan.inverse.length * dim);
  for (let cell = 0; cell < rowCount * slotCount; cell++) {
    const [start, end] = [offsets[cell]!, offsets[cell + 1]!];
    const isMean = end - start > 1 && poolings[cell % slotCount] === 'mean';
    const scale = isMean ? 1 / (end - start) : 1;
    for (let i = start * dim; i < end * dim; i++)
      places[i] = pooledGradient[cell * dim + (i % dim)]! * scale;
  }
  return places;
}

/** Adds what each occurrence learns to what its place does. */
export function addOccurrences(
  { placeOf }: Occurrences,
  gradient: Float32Array,
  dim: number,
  places: Float32Array,
): void {
  placeOf.forEach((place, i) => {
    for (let d = 0; d < dim; d++) places[place * dim + d]! += gradient[i * dim + d]!;
  });
}

/** f32 [size]: by row, the sum over its places. */
export function sumByRow(
  { plan, dim }: RowPooling,
  places: Float32Array,
  size: number,
): Float32Array {
  const sums = new Float32Array(size);
  plan.inverse.forEach((row, place) => {
    for (let d = 0; d < dim; d++) sums[row * dim + d]! += places[place * dim + d]!;
  });
  return sums;
}
