import { decodeRollout, rolloutKey } from '../../messages/rollouts.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { SimulatedHost } from '../hosts/simulated-host.js';
import type { ConfigHistory } from './config-history.js';

/** Once it is quiet all actors run the newest version, and nobody is stopped or out of service for it. @returns what is wrong. */
export async function wrongVersions(
  bus: Bus,
  hosts: readonly SimulatedHost[],
  { newestVersion }: Pick<ConfigHistory, 'newestVersion'>,
): Promise<string | undefined> {
  const bytes = await bus.bucketGet(bus.names.bucket, rolloutKey);
  // A cluster whose configuration does not change.
  if (!bytes) return undefined;
  const { versions, stopped, drained } = decodeRollout(bytes);
  const late = Object.entries(versions).filter(([, version]) => version !== newestVersion);
  if (late.length > 0 || stopped.length > 0 || drained.length > 0)
    return `version ${newestVersion} is the newest, and the rollout says ${JSON.stringify({ versions, stopped, drained })}`;
  for (const host of hosts)
    for (const actor of host.actors)
      if (host.versionOf(actor) !== newestVersion)
        return `version ${newestVersion} is the newest, and ${actor.address} on ${host.name} runs ${host.versionOf(actor)}`;
  return undefined;
}
