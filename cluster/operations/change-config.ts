import { StarlingError, messageOf } from '../../core/base/errors.js';
import { parseJson } from '../../core/base/json-text.js';
import type { ConfigChange } from '../../core/config/plan/change.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { ConfigRequest } from '../../messages/config-versions.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { noteShape } from '../../site/cluster-shape.js';
import { configVersions, storeConfig, storedConfig } from '../config/config-versions.js';
import { nextConfig } from '../config/next-config.js';

export interface ChangeConfigPorts {
  readonly bus: Pick<
    Bus,
    'names' | 'bucketGet' | 'bucketPut' | 'bucketUpdate' | 'bucketEntry' | 'clock'
  >;
  /** Brings all actors to the newest version. */
  readonly roll: (tell: (text: string) => void) => Promise<void>;
  readonly tell: (text: string) => void;
}

export interface ChangedConfig {
  readonly version: number;
  readonly hash: string;
  readonly changes: readonly ConfigChange[];
}

/**
 * Makes a configuration the newest version, and brings all actors to it. Who asks twice, as an answer was lost, finds it stored, and waits
 * for the rest.
 *
 * @throws StarlingError CHANGE_REFUSED, CONFIG_INVALID, BAD_REQUEST for a version that there is not; CONFLICT where somebody was quicker.
 */
export async function changeConfig(
  { to, allowed }: ConfigRequest,
  { bus, roll, tell }: ChangeConfigPorts,
): Promise<ChangedConfig> {
  const versions = await configVersions(bus);
  const listed = versions.at(-1);
  if (!listed) {
    const text = 'the cluster keeps no versions of its configuration yet: start it once more.';
    throw new StarlingError('NOT_READY', text);
  }
  const newest = await storedConfig(bus, listed);
  const given = typeof to === 'string' ? parsed(to) : await versionOf(bus, to);
  const { changes, config, version } = nextConfig(newest.config, given, allowed);
  if (changes.length === 0) {
    await roll(tell);
    return { version: newest.version, hash: newest.hash, changes };
  }
  const note = typeof to === 'number' ? `back to version ${to}` : 'applied';
  const stored = await storeConfig(bus, config, { version, note });
  await noteShape(bus, config);
  tell(`version ${version} (${stored.hash}) is stored`);
  await roll(tell);
  return { version, hash: stored.hash, changes };
}

function parsed(text: string): ClusterConfig {
  let input: unknown;
  try {
    input = parseJson(text);
  } catch (cause) {
    throw new StarlingError('BAD_REQUEST', `to: ${messageOf(cause)}`, { field: 'to' }, { cause });
  }
  return parseClusterConfig(input);
}

/** As it was declared then: what came of it since is another matter. */
async function versionOf(bus: ChangeConfigPorts['bus'], version: number): Promise<ClusterConfig> {
  const versions = await configVersions(bus);
  const found = versions.find((each) => each.version === version);
  if (!found) {
    const known = versions.map((each) => each.version).join(', ');
    const text = `there is no version ${version}; there are ${known}.`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'to' });
  }
  const { config } = await storedConfig(bus, found);
  const declared = Object.entries(config).filter(([key]) => key !== 'lineage');
  return parseClusterConfig(Object.fromEntries(declared));
}
