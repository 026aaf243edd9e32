import { newestConfig } from '../cluster/config/config-versions.js';
import { StarlingError } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import type { Bus } from '../runtime/bus/bus.js';
import { UsageError } from './command.js';

/**
 * What the cluster runs, which knows the versions before it, with what a file says of files.
 *
 * @param given undefined: no file was named.
 * @throws StarlingError SPEC_MISMATCH where the file declares other features than the cluster has.
 */
export async function runningConfig(
  bus: Pick<Bus, 'names' | 'bucketGet'>,
  given: ClusterConfig | undefined,
): Promise<ClusterConfig> {
  const running = (await newestConfig(bus))?.config ?? given;
  if (!running)
    throw new UsageError('name the configuration that the cluster was started with (--config).');
  if (!given) return running;
  const [here, there] = [given, running].map(({ features }) => featureSpecOf(features).hash);
  if (here === there) return { ...running, files: given.files };
  const text = `the cluster has other features (${there}) than this configuration (${here}); bring it there with \`starling config apply\`, or leave --config out.`;
  throw new StarlingError('SPEC_MISMATCH', text, { here, there });
}
