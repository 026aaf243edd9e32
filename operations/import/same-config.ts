import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { StarlingError } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { decodeShape, shapeKey } from '../../messages/cluster-shape.js';
import type { Bus } from '../../runtime/bus/bus.js';

/** The hash of the model covers the others, so it comes last, when it alone differs. */
const parts = ['features', 'joiners', 'model'] as const;

/**
 * Who folds what is imported must declare the features that the cluster has: joiners would refuse it else, record by record.
 *
 * @throws StarlingError SPEC_MISMATCH
 */
export async function refuseOtherConfig(
  bus: Pick<Bus, 'bucketGet' | 'names'>,
  config: ClusterConfig,
): Promise<void> {
  const bytes = await bus.bucketGet(bus.names.bucket, shapeKey);
  if (!bytes) return;
  const shape = decodeShape(bytes);
  const here = {
    features: featureSpecOf(config.features, config.lineage).hash,
    joiners: joinPartitions(config),
    model: blueprintOf(config).hash,
  };
  const part = parts.find((each) => shape[each] !== here[each]);
  if (part === undefined) return;
  const text = `the cluster has other ${part} (${shape[part]}) than this configuration (${here[part]}); give the one that the cluster was started with (--config).`;
  throw new StarlingError('SPEC_MISMATCH', text, { part, cluster: shape[part], here: here[part] });
}
