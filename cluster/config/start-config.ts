import { StarlingError, codeOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { noteShape } from '../../site/cluster-shape.js';
import type { StoredConfig } from './config-versions.js';
import { newestConfig, storeConfig } from './config-versions.js';
import { changesTo, nextConfig } from './next-config.js';
import { planLines } from './plan-lines.js';
import { noteRunning } from './running-configs.js';

export interface StartConfigPorts {
  readonly bus: Pick<
    Bus,
    'names' | 'bucketGet' | 'bucketPut' | 'bucketUpdate' | 'bucketEntry' | 'clock'
  >;
  readonly hasBucket: () => Promise<boolean>;
  /** Names of what may be forgotten. */
  readonly allowed: readonly string[];
  /** Whether others run the cluster already: who joins them runs what they run. */
  readonly runsElsewhere: () => Promise<boolean>;
  readonly log: (line: string) => void;
}

/**
 * The configuration that this host starts with: the newest version of the cluster, and where its own file says otherwise, one that follows it, if
 * nobody else runs the cluster and nothing is forgotten that may not be.
 *
 * @returns undefined where the cluster is new, or of a release that kept no versions: it has the one of the file.
 * @throws StarlingError CHANGE_REFUSED
 */
export async function configToStart(
  given: ClusterConfig,
  ports: StartConfigPorts,
): Promise<StoredConfig | undefined> {
  const { bus, hasBucket, allowed, runsElsewhere, log } = ports;
  if (!(await hasBucket())) return undefined;
  const stored = await newestConfig(bus);
  if (!stored) return undefined;
  if (changesTo(stored.config, given).length === 0) return running(bus, stored);
  if (await runsElsewhere()) {
    log(
      `the cluster runs version ${stored.version} of its configuration, and so does this host; its own file says otherwise: starling config plan FILE`,
    );
    return stored;
  }
  const next = nextConfig(stored.config, given, allowed);
  for (const line of planLines(next.changes)) log(line);
  const { version } = next;
  const applied = await storeConfig(bus, next.config, { version, note: 'applied at a start' });
  await noteRunning(bus, given.dataCenters, version);
  log(`configuration: version ${version} (${applied.hash})`);
  return running(bus, applied);
}

/** Also where whoever stored it could not note its shape any more. */
async function running(bus: StartConfigPorts['bus'], stored: StoredConfig): Promise<StoredConfig> {
  await noteShape(bus, stored.config);
  return stored;
}

/** The first version, in a cluster that has none; of hosts that begin at once, one writes it. */
export async function firstConfig(
  bus: StartConfigPorts['bus'],
  given: ClusterConfig,
): Promise<StoredConfig> {
  try {
    const stored = await storeConfig(bus, given, { version: 1, note: 'the first one' });
    await noteRunning(bus, given.dataCenters, stored.version);
    return stored;
  } catch (error) {
    if (codeOf(error) !== 'CONFLICT') throw error;
    const stored = await newestConfig(bus);
    if (stored) return stored;
    const text = 'the configuration of the cluster was written and is not there';
    throw new StarlingError('STATE_INVALID', text, {}, { cause: error });
  }
}
