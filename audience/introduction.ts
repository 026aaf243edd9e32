import type { FeaturesInput, IngestOptions } from '../client/ingest.js';
import type { StarlingClient } from '../client/client.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { Entity } from '../messages/subjects.js';
import { itemTraits, userTraits } from './demography.js';
import { itemId, userId } from './public-ids.js';

type AudienceConfig = Pick<ClusterConfig, 'simulation' | 'features'>;

/**
 * Tells the features of all users and items. The cluster may still be starting, hence no deadline: without features
 * there is nothing to do.
 */
export async function introduceAll(
  client: Pick<StarlingClient, 'ingestFeatures'>,
  config: AudienceConfig,
  how: Pick<IngestOptions, 'signal' | 'failed'>,
): Promise<void> {
  for (const entity of ['user', 'item'] as const) {
    await client.ingestFeatures(featuresOf(entity, config), { ...how, deadlineMs: Infinity });
  }
}

/** Public feature events of all users or items, with the traits that the configuration declares: others are refused. */
function featuresOf(entity: Entity, config: AudienceConfig): FeaturesInput[] {
  const { users, items, seed } = config.simulation;
  const declared = Object.values(config.features).filter((feature) => feature.entity === entity);
  const sources = new Set(declared.flatMap((each) => ('source' in each ? [each.source] : [])));
  return Array.from({ length: entity === 'user' ? users : items }, (_unused, index) => {
    const traits = entity === 'user' ? userTraits(seed, index) : itemTraits(seed, index);
    const features = Object.fromEntries(
      Object.entries(traits).filter(([name]) => sources.has(name)),
    );
    return { entity, id: entity === 'user' ? userId(index) : itemId(index), features };
  });
}
