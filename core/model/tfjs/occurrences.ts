import type { RowPooling } from '../row-gather.js';

/** Rows of one slot, one for each occurrence, examples after one another. */
export interface Occurrences {
  readonly count: number;
  /** f32 [count × dim] */
  readonly values: Float32Array;
  /** u32 [examples + 1]: those of an example lie between two of them. */
  readonly offsets: Uint32Array;
  /** u32 [count]: which of the pulled rows each is. */
  readonly rowOf: Uint32Array;
}

export function gatherOccurrences(
  { plan, batch, dim }: RowPooling,
  slot: number,
  rows: Float32Array,
): Occurrences {
  const { rowCount, slotCount } = batch;
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0; row < rowCount; row++) {
    const cell = row * slotCount + slot;
    offsets[row + 1] = offsets[row]! + batch.offsets[cell + 1]! - batch.offsets[cell]!;
  }
  const count = offsets[rowCount]!;
  const rowOf = new Uint32Array(count);
  const values = new Float32Array(count * dim);
  for (let row = 0; row < rowCount; row++) {
    const start = batch.offsets[row * slotCount + slot]!;
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++)
      rowOf[i] = plan.inverse[start + i - offsets[row]!]!;
  }
  for (let i = 0; i < count; i++)
    values.set(rows.subarray(rowOf[i]! * dim, (rowOf[i]! + 1) * dim), i * dim);
  return { count, values, offsets, rowOf };
}

/** Adds what each occurrence learns to what its row does. */
export function scatterOccurrences(
  { rowOf }: Occurrences,
  gradient: Float32Array,
  dim: number,
  rowGradient: Float32Array,
): void {
  rowOf.forEach((row, i) => {
    for (let d = 0; d < dim; d++) rowGradient[row * dim + d]! += gradient[i * dim + d]!;
  });
}
