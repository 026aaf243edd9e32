import { newestConfig } from '../cluster/config/config-versions.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { AttributeReader } from '../messages/attribute-reader.js';
import type { Entity } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';

/** What the cluster will leave out of what it is told, each with its name and what was expected; none where it has not said what it declares. */
export async function unreadableOf(
  bus: Pick<Bus, 'names' | 'bucketGet'>,
  entity: Entity,
  told: RawFeatures,
): Promise<readonly string[]> {
  const config = (await newestConfig(bus))?.config;
  if (!config) return [];
  const spec = featureSpecOf(config.features);
  return new AttributeReader(spec, config.attributes).read(entity, told).unreadable;
}
