import { StarlingError } from '../core/base/errors.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import { joinPartitions } from '../core/config/join-partitions.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import type { ClusterShape } from '../messages/cluster-shape.js';
import { decodeShape, encodeShape, shapeKey } from '../messages/cluster-shape.js';
import type { Bus } from '../runtime/bus/bus.js';

/**
 * What the state of a cluster can't change without becoming another's. The model is the very hash that actors compare
 * with every message: a shape of its own would let through what they refuse, or refuse what fits them.
 */
function shapeOf(config: ClusterConfig): ClusterShape {
  return {
    features: featureSpecOf(config.features, config.lineage).hash,
    model: blueprintOf(config).hash,
    partitions: config.partitions,
    joiners: joinPartitions(config),
  };
}

/** What the state may change into: by a version of its configuration that reads what those before have learned. */
export async function noteShape(
  bus: Pick<Bus, 'names' | 'bucketGet' | 'bucketPut'>,
  config: ClusterConfig,
): Promise<void> {
  const shape = encodeShape(shapeOf(config));
  const kept = await bus.bucketGet(bus.names.bucket, shapeKey);
  if (!kept || Buffer.compare(kept, shape) === 0) return;
  // The state of another release is refused as such.
  decodeShape(kept);
  await bus.bucketPut(bus.names.bucket, shapeKey, shape);
}

/** The hash of the model covers the features and partitions too, so it comes last, when it alone differs. */
const parts = ['features', 'partitions', 'joiners', 'model'] as const;

/**
 * Rows learned with other features, another model or other partitions are not this cluster's: refused at the start,
 * with words, rather than by every actor on its own.
 *
 * @throws StarlingError SPEC_MISMATCH; STATE_INVALID for the state of another release
 */
export async function requireSameShape(
  bus: Pick<Bus, 'names' | 'bucketGet' | 'bucketPut'>,
  config: ClusterConfig,
): Promise<void> {
  const shape = shapeOf(config);
  const kept = await bus.bucketGet(bus.names.bucket, shapeKey);
  if (!kept) {
    await bus.bucketPut(bus.names.bucket, shapeKey, encodeShape(shape));
    return;
  }
  const before = decodeShape(kept);
  for (const part of parts) {
    if (before[part] !== shape[part]) {
      throw new StarlingError(
        'SPEC_MISMATCH',
        `the state holds a cluster with other ${part} (${before[part]}) than this configuration (${shape[part]}); ` +
          'use another --state folder, or the configuration it was made with.',
        { part, before: before[part], now: shape[part] },
      );
    }
  }
}
