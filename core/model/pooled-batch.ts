import { assert } from '../base/assert.js';
import { rowWidth, type ModelSpec } from './network.js';
import { poolRows, spreadShared, type RowPooling, type SharedSlots } from './row-gather.js';

/** Examples as a network sees them: one pooled row per slot, and the dense features. */
export interface PooledBatch {
  readonly rowCount: number;
  /** f32 [rowCount × slotCount × (1 + factorDim)] */
  readonly pooled: Float32Array;
  /** f32 [rowCount × denseCount] */
  readonly dense: Float32Array;
}

/** The same examples with their rows as they were pulled: each once, and who reads it. */
export interface RowsBatch {
  readonly rowCount: number;
  /** f32 [unique rows × (1 + factorDim)], in the order of the plan. */
  readonly rows: Float32Array;
  readonly pooling: RowPooling;
  /** Slots that all examples have as the first, which alone names them: of what is scored, not of what is learned. */
  readonly shared?: SharedSlots | undefined;
  /** f32 [rowCount × denseCount] */
  readonly dense: Float32Array;
}

/** f32 [rowCount × slotCount × (1 + factorDim)] */
export function pooledOf({ rows, pooling, shared }: RowsBatch): Float32Array {
  const pooled = poolRows(pooling, rows);
  const { batch, dim } = pooling;
  if (shared) spreadShared(pooled, { slotCount: batch.slotCount, dim }, shared);
  return pooled;
}

export function requirePooled({ rowCount, pooled }: PooledBatch, spec: ModelSpec): void {
  const dim = rowWidth(spec);
  const cells = rowCount * spec.slotCount;
  assert(
    pooled.length === cells * dim,
    `${pooled.length} pooled values for ${cells} cells of ${dim}`,
  );
}

export function requireRows({ rowCount, rows, pooling }: RowsBatch, spec: ModelSpec): void {
  const dim = rowWidth(spec);
  const { plan, batch } = pooling;
  assert(pooling.dim === dim, `rows of ${pooling.dim} for a network of rows of ${dim}`);
  assert(
    rows.length === plan.uniqueCount * dim,
    `${rows.length} values for ${plan.uniqueCount} rows of ${dim}`,
  );
  assert(
    batch.rowCount === rowCount && batch.slotCount === spec.slotCount,
    `a plan of ${batch.rowCount} examples × ${batch.slotCount} slots for ${rowCount} × ${spec.slotCount}`,
  );
}

export function requireDense(
  { rowCount, dense }: Pick<PooledBatch, 'rowCount' | 'dense'>,
  spec: ModelSpec,
): void {
  assert(
    dense.length === rowCount * spec.denseCount,
    `${dense.length} dense features for ${rowCount} × ${spec.denseCount}`,
  );
}
