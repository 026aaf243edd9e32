import { createHash } from 'node:crypto';
import { StarlingError } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { ConfigVersion } from '../../messages/config-versions.js';
import {
  configContentKey,
  configKey,
  decodeConfigContent,
  decodeConfigVersions,
  encodeConfigContent,
  encodeConfigVersions,
} from '../../messages/config-versions.js';
import type { Bus } from '../../runtime/bus/bus.js';

/** So many are listed. Fewer: one can't go as far back. More: each change writes a longer list. */
const versionsMax = 100;

export interface StoredConfig extends ConfigVersion {
  readonly config: ClusterConfig;
}

type ReadBus = Pick<Bus, 'names' | 'bucketGet'>;

/** The configurations that the cluster has had, oldest first; none in a cluster that is new, or of a release that kept none. */
export async function configVersions(bus: ReadBus): Promise<ConfigVersion[]> {
  const bytes = await bus.bucketGet(bus.names.bucket, configKey);
  return bytes ? decodeConfigVersions(bytes) : [];
}

/** @throws StarlingError STATE_INVALID where it is listed and not there. */
export async function storedConfig(bus: ReadBus, listed: ConfigVersion): Promise<StoredConfig> {
  const bytes = await bus.bucketGet(bus.names.bucket, configContentKey(listed.hash));
  if (bytes) return { ...listed, config: parseClusterConfig(decodeConfigContent(bytes)) };
  const text = `configuration ${listed.version} (${listed.hash}) is listed, and not there.`;
  throw new StarlingError('STATE_INVALID', text, { ...listed });
}

export async function newestConfig(bus: ReadBus): Promise<StoredConfig | undefined> {
  const newest = (await configVersions(bus)).at(-1);
  return newest && storedConfig(bus, newest);
}

/**
 * Makes it the newest version, if none has come since.
 *
 * @throws StarlingError CONFLICT where one has.
 */
export async function storeConfig(
  bus: ReadBus & Pick<Bus, 'bucketPut' | 'bucketUpdate' | 'bucketEntry' | 'clock'>,
  config: ClusterConfig,
  { version, note }: Pick<ConfigVersion, 'version' | 'note'>,
): Promise<StoredConfig> {
  const { bucket } = bus.names;
  const entry = await bus.bucketEntry(bucket, configKey);
  const before = entry ? decodeConfigVersions(entry.bytes) : [];
  const last = before.at(-1)?.version ?? 0;
  if (version !== last + 1) {
    const text = `the cluster has come to version ${last} of its configuration meanwhile; look at it, and change it again.`;
    throw new StarlingError('CONFLICT', text, { version, last });
  }
  const content = JSON.stringify(config);
  const hash = hashOf(content);
  const stored = { version, hash, atMs: bus.clock.wallMs(), note };
  await bus.bucketPut(bucket, configContentKey(hash), encodeConfigContent(content));
  const versions = [...before, stored].slice(-versionsMax);
  await bus.bucketUpdate(bucket, configKey, encodeConfigVersions(versions), entry?.revision ?? 0);
  return { ...stored, config };
}

function hashOf(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
