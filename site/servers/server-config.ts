import { assert } from '../../core/base/assert.js';
import { namesOf } from '../../messages/cluster-names.js';
import { accountLines, quoted, type ServerCredentials } from './server-users.js';

/**
 * The configuration of one nats-server. The servers of a data center are a cluster, joined to the others by gateways:
 * one server each on the loopback interface is what `starling up` starts, several on hosts of their own are what
 * `starling nats-config` writes files for. Pure text, so that what a server is told can be read in a test and on disk.
 *
 * Four things are not obvious:
 * - `cluster.routes` names the server itself. Before 2.10, a single-node cluster starts no JetStream beside a gateway
 *   unless it has a route, and counting the route is how the meta group learns its size.
 * - Clients publish events to `starling.ingest.<type>` wherever they are. A mapping of the account turns that into
 *   `starling.raw.<data center>.<type>`, the subject of the stream in the same data center, and it is that stream's
 *   acknowledgement that the client gets. So ingest needs nothing but the client's own data center.
 * - A server that is the only one has the name of its data center as that of a cluster, and neither routes nor gateways:
 *   then it waits for nobody, and elects nobody.
 * - Limits are explicit. By default JetStream takes 75 % of the free disk, and refuses streams where that is little.
 */
export interface DataCenterServer {
  readonly name: string;
  readonly ports: ServerPorts;
  /** Folder of its streams; absolute. */
  readonly storeFolder: string;
}

/** A server as it is told to be, and as the others find it. */
export interface ClusterServer {
  /** Of no other server of any data center. JetStream knows by it which copies are whose: it must never change. */
  readonly name: string;
  readonly dataCenter: string;
  /** Name or address at which the other servers and the clients reach it. */
  readonly host: string;
  readonly ports: ServerPorts;
  /** Addresses of its own host: of the monitoring port, and of all others. */
  readonly listen: { readonly monitor: string; readonly others: string };
  /** Absolute. */
  readonly storeFolder: string;
  /** Tell clients and servers `host`, rather than the addresses that it finds on its own. */
  readonly advertise?: boolean;
  readonly tags?: readonly string[];
}

export interface ServerPorts {
  readonly client: number;
  /** HTTP, read only: readiness and health. */
  readonly monitor: number;
  readonly cluster: number;
  readonly gateway: number;
}

/** Files of the servers' own certificate, and of the authority that has signed it; absolute. */
export interface ServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ServerLimits {
  readonly payloadBytesMax: number;
  readonly storageBytesMax: number;
  /**
   * Flush the file system before each acknowledgement (2.10 and newer): nothing is lost in a power cut, at the price of
   * one disk flush per message. Without it a flush comes every two minutes, and only a killed process loses nothing.
   */
  readonly syncAlways: boolean;
}

const loopback = '127.0.0.1';

/** Streams are on disk; memory is for consumers' bookkeeping and short-lived key-value buckets. */
const memoryStoreBytesMax = 256 * 2 ** 20;

/**
 * What a server holds for one slow client before it drops the connection. Too low: a follower that pauses for a garbage
 * collection while large deltas arrive is cut off. Too high: a few stuck clients fill the memory of the host.
 */
const pendingPayloads = 16;
const pendingBytesMin = 64 * 2 ** 20;

/** For a server to sign in at another. Too low: on a busy host servers turn each other away and try again. */
const signInSeconds = 10;

/**
 * One server on the loopback interface.
 *
 * @param all  every data center's server, including `own`.
 */
export function renderServerConfig(
  own: DataCenterServer,
  all: readonly DataCenterServer[],
  terms: ServerTerms,
): string {
  assert(all.includes(own), `${own.name} is one of the servers`);
  const servers = all.map(({ name, ports, storeFolder }): ClusterServer => {
    const listen = { monitor: loopback, others: loopback };
    // Numbered, though there is one.
    return { name: `${name}-1`, dataCenter: name, host: loopback, ports, listen, storeFolder };
  });
  return renderClusterServer(servers[all.indexOf(own)]!, servers, terms);
}

export interface ServerTerms {
  /** The name of the cluster that they are for: what its roles may do is said in its subjects. */
  readonly cluster: string;
  /** The data center that learns and answers, if there is one. */
  readonly whole?: string | undefined;
  readonly credentials: ServerCredentials;
  readonly limits: ServerLimits;
  readonly tls: ServerTls | undefined;
}

/** @param all  every server of every data center, including `own`. */
export function renderClusterServer(
  own: ClusterServer,
  all: readonly ClusterServer[],
  { cluster, whole, credentials, limits, tls }: ServerTerms,
): string {
  const dataCenters = [...new Set(all.map(({ dataCenter }) => dataCenter))];
  assert(all.includes(own), `${own.name} is one of the servers`);
  assert(new Set(all.map(({ name }) => name)).size === all.length, 'names of servers differ');
  return `${[
    ...connectionLines(own, limits),
    ...(tls ? tlsLines(tls, { verify: false }) : []),
    ...storageLines(own, limits),
    ...clusterLines(own, all, { credentials, tls }),
    ...(dataCenters.length > 1 ? gatewayLines(own, all, { credentials, tls }) : []),
    ...accountLines(credentials, {
      names: namesOf(cluster, whole),
      dataCenter: own.dataCenter,
      dataCenters,
    }),
  ].join('\n')}\n`;
}

function connectionLines(own: ClusterServer, limits: ServerLimits): string[] {
  const { name, listen, ports, tags = [] } = own;
  const pendingBytes = Math.max(pendingBytesMin, pendingPayloads * limits.payloadBytesMax);
  return [
    `server_name: ${quoted(name)}`,
    ...(tags.length > 0 ? [`server_tags: [${tags.map(quoted).join(', ')}]`] : []),
    `listen: ${quoted(hostAndPort(listen.others, ports.client))}`,
    ...advertised('client_advertise', own, ports.client),
    `http: ${quoted(hostAndPort(listen.monitor, ports.monitor))}`,
    `max_payload: ${limits.payloadBytesMax}`,
    `max_pending: ${pendingBytes}`,
  ];
}

function storageLines(own: ClusterServer, limits: ServerLimits): string[] {
  return [
    'jetstream {',
    `  store_dir: ${quoted(own.storeFolder)}`,
    `  max_memory_store: ${memoryStoreBytesMax}`,
    `  max_file_store: ${limits.storageBytesMax}`,
    ...(limits.syncAlways ? ['  sync_interval: always'] : []),
    '}',
  ];
}

/**
 * With TLS, servers show each other the certificate that they show to clients, and demand one. So a stranger in the
 * network can neither listen nor join as a server.
 */
function tlsLines({ ca, cert, key }: ServerTls, { verify }: { readonly verify: boolean }) {
  return [
    'tls {',
    `  cert_file: ${quoted(cert)}`,
    `  key_file: ${quoted(key)}`,
    `  ca_file: ${quoted(ca)}`,
    ...(verify ? ['  verify: true'] : []),
    '}',
  ];
}

type Joining = Pick<ServerTerms, 'credentials' | 'tls'>;

function clusterLines(
  own: ClusterServer,
  all: readonly ClusterServer[],
  joining: Joining,
): string[] {
  const { dataCenter, listen, ports } = own;
  if (all.length === 1) return ['cluster {', `  name: ${quoted(dataCenter)}`, '}'];
  const routes = all
    .filter((each) => each.dataCenter === dataCenter)
    .map((each) => quoted(joinUrl('nats-route', each.host, each.ports.cluster, joining)));
  return [
    'cluster {',
    `  name: ${quoted(dataCenter)}`,
    `  listen: ${quoted(hostAndPort(listen.others, ports.cluster))}`,
    ...advertised('  advertise', own, ports.cluster),
    `  routes: [${routes.join(', ')}]`,
    ...mutualLines(joining),
    '}',
  ];
}

function gatewayLines(
  own: ClusterServer,
  all: readonly ClusterServer[],
  joining: Joining,
): string[] {
  const { dataCenter, listen, ports } = own;
  const urls = new Map<string, string[]>();
  for (const each of all) {
    const known = urls.get(each.dataCenter) ?? [];
    const url = quoted(joinUrl('nats', each.host, each.ports.gateway, joining));
    urls.set(each.dataCenter, [...known, url]);
  }
  return [
    'gateway {',
    `  name: ${quoted(dataCenter)}`,
    `  listen: ${quoted(hostAndPort(listen.others, ports.gateway))}`,
    ...advertised('  advertise', own, ports.gateway),
    ...mutualLines(joining),
    '  gateways: [',
    ...[...urls].map(
      ([name, known]) => `    { name: ${quoted(name)}, urls: [${known.join(', ')}] }`,
    ),
    '  ]',
    '}',
  ];
}

/** Whoever joins as a server is asked for no permissions: without a password any process of this host could. */
function mutualLines({ credentials, tls }: Joining): string[] {
  const { serverUser, serverPassword } = credentials;
  return [
    `authorization { user: ${quoted(serverUser)}, password: ${quoted(serverPassword)}, timeout: ${signInSeconds} }`,
    ...(tls ? tlsLines(tls, { verify: true }) : []),
  ].map((line) => `  ${line}`);
}

function joinUrl(scheme: string, host: string, port: number, { credentials }: Joining): string {
  const { serverUser, serverPassword } = credentials;
  return `${scheme}://${serverUser}:${serverPassword}@${hostAndPort(host, port)}`;
}

function advertised(field: string, { advertise, host }: ClusterServer, port: number): string[] {
  return advertise === true ? [`${field}: ${quoted(hostAndPort(host, port))}`] : [];
}

/** An IPv6 address has colons of its own. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
