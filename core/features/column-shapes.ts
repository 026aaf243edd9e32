import type { ColumnShape } from '../base/lineage.js';
import type { DenseColumn } from './feature-spec.js';

/** What is remembered of columns after they have changed. */
export function columnShapes(columns: readonly DenseColumn[]): ColumnShape[] {
  return columns.map(({ name, width, vector, normalisation }) => {
    if (vector) return { name, width, kind: 'vector' };
    return normalisation.method === 'quantiles' ? { name, width, kind: 'scaled' } : { name, width };
  });
}
