import type { ClusterConfig } from '../config/schema.js';
import { originName } from '../features/origin.js';
import type { DriftShape } from '../model/feature-drift.js';
import type { Blueprint } from './blueprint.js';

/** What others tell. Counts, rates and histories are made here of what people do, and grow as they do it. */
const toldKinds: ReadonlySet<string> = new Set(['id', 'ids', 'vocabulary', 'buckets', 'dense']);

/** Which features are looked at for drift, and where they are in an example. */
export function driftShapeOf(
  { features }: Pick<ClusterConfig, 'features'>,
  { spec }: Pick<Blueprint, 'spec'>,
): DriftShape {
  const isTold = (name: string): boolean => {
    const feature = features[name];
    return feature !== undefined && toldKinds.has(feature.kind) && name !== originName;
  };
  let place = 0;
  const columns = spec.dense.flatMap(({ name, width, vector }) => {
    const at = place;
    place += width;
    if (vector || !isTold(name)) return [];
    return [{ name, at, ...(width > 1 ? { missingAt: at + 1 } : {}) }];
  });
  const slots = spec.slots.flatMap(({ name }, at) => (isTold(name) ? [{ name, at }] : []));
  return { slots, columns };
}
