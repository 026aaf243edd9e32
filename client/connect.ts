import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { clusterNameDefault, requireClusterName } from '../core/config/cluster-name.js';
import { homeFirst, wholeDataCenter } from '../core/config/data-centers.js';
import { inboxPrefixOf } from '../messages/permissions.js';
import { roles } from '../messages/roles.js';
import type { TlsFiles } from '../messages/nats-access.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { connectBus } from '../runtime/nats/nats-bus.js';
import type { ClusterAccess } from '../runtime/cluster-file.js';
import { readClusterAccess } from '../runtime/cluster-file.js';

/** Where a cluster is. */
export type ClusterLocation =
  | {
      /** NATS servers, those of the own data center first. A user and password may stand in the URL. */
      readonly urls: readonly string[];
      /** Of the cluster, which several may share servers by; `starling` if left out. A state folder knows its own. */
      readonly name?: string | undefined;
      readonly user?: string | undefined;
      readonly password?: string | undefined;
      /** Of servers that encrypt: whose signature to believe, and what to show where the servers ask for it. */
      readonly tls?: TlsFiles | undefined;
    }
  | {
      /** State folder of a cluster on this host. */
      readonly stateDir: string;
      /** Whose servers to prefer; the first inference data center if left out. */
      readonly dataCenter?: string | undefined;
    };

interface Address {
  readonly cluster: string;
  readonly whole?: string | undefined;
  readonly urls: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly inboxPrefix?: string | undefined;
  readonly tls?: TlsFiles | undefined;
}

/** Somebody waits for the answer. Too low: a busy server is left for nothing. Too high: requests fail before. */
const suspectMs = 200;

interface ConnectionOptions {
  readonly connectionName: string;
  readonly connectTimeoutMs: number;
  /** `admin` also reads streams and keys. By URL, it is the user who decides. */
  readonly role?: 'client' | 'admin';
}

/**
 * @throws StarlingError NOT_RUNNING if no cluster runs on the state folder, UNAVAILABLE if no server answers at the
 *   URLs, FORBIDDEN for a wrong password, BAD_REQUEST for a data center that the cluster does not have, or a name that none can have.
 */
export async function openConnection(
  location: ClusterLocation,
  options: ConnectionOptions,
): Promise<NatsBus> {
  if ('urls' in location) {
    const { name = clusterNameDefault } = location;
    requireClusterName(name, 'name');
    return connectTo(addressOf({ ...location, cluster: name }), options);
  }
  const access = await readClusterAccess(location.stateDir);
  const urls = inOrderOfPreference(access, location.dataCenter);
  const { user, password, inboxPrefix } = options.role === 'admin' ? access.admin : access;
  try {
    const cluster = access.name;
    return await connectTo(
      {
        cluster,
        whole: wholeDataCenter(access),
        urls,
        user,
        password,
        inboxPrefix,
        tls: access.tls,
      },
      options,
    );
  } catch (cause) {
    if (codeOf(cause) !== 'UNAVAILABLE') throw cause;
    const text = `the cluster on ${location.stateDir} does not answer: ${messageOf(cause)}`;
    throw new StarlingError('NOT_RUNNING', text, { stateDir: location.stateDir }, { cause });
  }
}

function connectTo(
  { cluster, whole, urls, user, password, inboxPrefix, tls }: Address,
  { connectionName: name, connectTimeoutMs }: ConnectionOptions,
): Promise<NatsBus> {
  return connectBus({
    cluster,
    whole,
    urls,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    inboxPrefix,
    tls,
    name,
    connectTimeoutMs,
    suspectMs,
  });
}

function inOrderOfPreference(access: ClusterAccess, preferred: string | undefined): string[] {
  const { dataCenters } = access;
  if (preferred !== undefined && !dataCenters.some(({ name }) => name === preferred)) {
    const names = dataCenters.map(({ name }) => name).join(', ');
    const text = `there is no data center ${preferred}; the cluster has ${names}.`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'dataCenter' });
  }
  // On somebody else's servers a data center has none of its own: then all of them are listed for each.
  const urls = homeFirst(dataCenters, preferred).flatMap(({ url }) => url.split(','));
  return [...new Set(urls)];
}

/** Takes user and password out of the URLs; those given beside them come first. */
export function addressOf(given: Address): Address {
  const parsed = given.urls.map(parseUrl);
  const withUser = parsed.find((url) => url.username !== '');
  const user = given.user ?? (withUser && decodeURIComponent(withUser.username));
  const password = given.password ?? (withUser && decodeURIComponent(withUser.password));
  const { tls } = given;
  const urls = parsed.map((url) => `${url.protocol}//${url.host}`);
  // Our own servers let a role hear its replies in its own place only; elsewhere one place is as good as another.
  const role = roles.find((each) => each === user);
  const inboxPrefix = role && inboxPrefixOf(role, given);
  return {
    cluster: given.cluster,
    urls,
    user,
    password,
    inboxPrefix,
    ...(tls === undefined ? {} : { tls }),
  };
}

function parseUrl(text: string): URL {
  const whole = text.includes('://') ? text : `nats://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url && url.hostname !== '') return url;
  const message = `expected a NATS URL such as nats://user:password@host:4222, got "${text}".`;
  throw new StarlingError('BAD_REQUEST', message, { field: 'url' });
}
