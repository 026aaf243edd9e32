import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import type { NatsBus } from '../runtime/nats.js';
import { connectBus } from '../runtime/nats.js';
import type { ClusterAccess } from '../runtime/cluster-file.js';
import { readClusterAccess } from '../runtime/cluster-file.js';

/** Where a cluster is. */
export type ClusterLocation =
  | {
      /** NATS servers, those of the own data center first. A user and password may stand in the URL. */
      readonly urls: readonly string[];
      readonly user?: string | undefined;
      readonly password?: string | undefined;
    }
  | {
      /** State folder of a cluster on this host. */
      readonly stateDir: string;
      /** Whose servers to prefer; the first inference data center if left out. */
      readonly dataCenter?: string | undefined;
    };

interface Address {
  readonly urls: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/**
 * @throws StarlingError NOT_RUNNING if no cluster runs on the state folder, UNAVAILABLE if no server answers at the
 *   URLs, BAD_REQUEST for a data center that the cluster does not have.
 */
export async function openConnection(
  location: ClusterLocation,
  options: { readonly name: string; readonly connectTimeoutMs: number },
): Promise<NatsBus> {
  if ('urls' in location) return connectTo(addressOf(location), options);
  const access = await readClusterAccess(location.stateDir);
  const urls = inOrderOfPreference(access, location.dataCenter);
  try {
    return await connectTo({ urls, user: access.user, password: access.password }, options);
  } catch (cause) {
    if (codeOf(cause) !== 'UNAVAILABLE') throw cause;
    const text = `the cluster on ${location.stateDir} does not answer: ${messageOf(cause)}`;
    throw new StarlingError('NOT_RUNNING', text, { stateDir: location.stateDir }, { cause });
  }
}

function connectTo(
  { urls, user, password }: Address,
  options: { readonly name: string; readonly connectTimeoutMs: number },
): Promise<NatsBus> {
  return connectBus({
    urls,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...options,
  });
}

/** The named data center, then inference ones, which answer requests by themselves, then the training one. */
function inOrderOfPreference(access: ClusterAccess, preferred: string | undefined): string[] {
  const { dataCenters } = access;
  if (preferred !== undefined && !dataCenters.some(({ name }) => name === preferred)) {
    const names = dataCenters.map(({ name }) => name).join(', ');
    const text = `there is no data center ${preferred}; the cluster has ${names}.`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'dataCenter' });
  }
  const rank = ({ name, role }: ClusterAccess['dataCenters'][number]): number =>
    name === preferred ? 0 : role === 'inference' ? 1 : 2;
  return [...dataCenters].sort((a, b) => rank(a) - rank(b)).map(({ url }) => url);
}

/** Takes user and password out of the URLs; those given beside them come first. */
export function addressOf(given: Address): Address {
  const parsed = given.urls.map(parseUrl);
  const withUser = parsed.find((url) => url.username !== '');
  const user = given.user ?? (withUser && decodeURIComponent(withUser.username));
  const password = given.password ?? (withUser && decodeURIComponent(withUser.password));
  return { urls: parsed.map((url) => `${url.protocol}//${url.host}`), user, password };
}

function parseUrl(text: string): URL {
  const whole = text.includes('://') ? text : `nats://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url && url.hostname !== '') return url;
  const message = `expected a NATS URL such as nats://user:password@host:4222, got "${text}".`;
  throw new StarlingError('BAD_REQUEST', message, { field: 'url' });
}
