import type { ColumnShape } from '../base/lineage.js';
import type { ModelSpec } from './network.js';

/** What a network has to know of the dense features, which lie one behind the other. */
export function numbersIn(
  columns: readonly ColumnShape[],
): Pick<ModelSpec, 'denseCount' | 'scaled' | 'vectors'> {
  let denseCount = 0;
  const placed = columns.map(({ width, kind }) => {
    const at = denseCount;
    denseCount += width;
    return { at, width, kind };
  });
  const vectors = placed.flatMap(({ at, width, kind }) =>
    kind === 'vector' ? [{ at, width }] : [],
  );
  const scaled = placed.flatMap(({ at, width, kind }) => {
    if (kind !== 'scaled') return [];
    return width > 1 ? [{ at, missingAt: at + 1 }] : [{ at }];
  });
  return {
    denseCount,
    ...(scaled.length > 0 ? { scaled } : {}),
    ...(vectors.length > 0 ? { vectors } : {}),
  };
}
