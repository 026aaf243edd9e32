import type { ActorContext } from '../../runtime/actor.js';

/**
 * Whether a request was made in another data center, whose own replicas were out of reach. A name that is none of the
 * cluster's, such as that of somebody else's servers, says nothing about where the caller is.
 */
export function cameFromElsewhere(
  { identity, config }: Pick<ActorContext, 'identity' | 'config'>,
  from: string | undefined,
): boolean {
  return from !== identity.dataCenter && config.dataCenters.some(({ name }) => name === from);
}
