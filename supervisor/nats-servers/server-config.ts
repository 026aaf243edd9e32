import { assert } from '../../core/base/assert.js';
import { accountLines, quoted, type ServerCredentials } from './server-users.js';

/**
 * The configuration of one data center's nats-server: a cluster of its own, joined to the others by gateways. Pure
 * text, so that what a server is told can be read in a test and in the state folder.
 *
 * Three things are not obvious:
 * - `cluster.routes` names the server itself. Before 2.10, a single-node cluster starts no JetStream beside a gateway
 *   unless it has a route, and counting the route is how the meta group learns its size.
 * - Clients publish events to `starling.ingest.<kind>` wherever they are. A mapping of the account turns that into
 *   `starling.raw.<data center>.<kind>`, the subject of the stream in the same data center, and it is that stream's
 *   acknowledgement that the client gets. So ingest needs nothing but the client's own data center.
 * - Limits are explicit. By default JetStream takes 75 % of the free disk, and refuses streams where that is little.
 */
export interface DataCenterServer {
  readonly name: string;
  readonly ports: ServerPorts;
  /** Folder of its streams; absolute. */
  readonly storeFolder: string;
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
 * @param all  every data center's server, including `own`. At least two: a lone server would wait for a meta group of
 *   two for ever.
 */
export function renderServerConfig(
  own: DataCenterServer,
  all: readonly DataCenterServer[],
  credentials: ServerCredentials,
  limits: ServerLimits,
  tls?: ServerTls,
): string {
  assert(all.includes(own), `${own.name} is one of the servers`);
  assert(all.length >= 2, 'a super-cluster has at least two data centers');
  return `${[
    ...connectionLines(own, limits),
    ...(tls ? tlsLines(tls, { verify: false }) : []),
    ...storageLines(own, limits),
    ...clusterLines(own, all, { credentials, tls }),
    ...accountLines(credentials, {
      dataCenter: own.name,
      dataCenters: all.map(({ name }) => name),
    }),
  ].join('\n')}\n`;
}

function connectionLines(own: DataCenterServer, limits: ServerLimits): string[] {
  const pendingBytes = Math.max(pendingBytesMin, pendingPayloads * limits.payloadBytesMax);
  return [
    `server_name: ${quoted(serverName(own.name))}`,
    `listen: ${address(own.ports.client)}`,
    `http: ${address(own.ports.monitor)}`,
    `max_payload: ${limits.payloadBytesMax}`,
    `max_pending: ${pendingBytes}`,
  ];
}

function storageLines(own: DataCenterServer, limits: ServerLimits): string[] {
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

function clusterLines(
  own: DataCenterServer,
  all: readonly DataCenterServer[],
  { credentials, tls }: { credentials: ServerCredentials; tls: ServerTls | undefined },
): string[] {
  const { serverUser, serverPassword } = credentials;
  const signIn = `${serverUser}:${serverPassword}`;
  // Whoever joins as a server is asked for no permissions: without a password any process of this host could.
  const mutual = [
    `authorization { user: ${quoted(serverUser)}, password: ${quoted(serverPassword)}, timeout: ${signInSeconds} }`,
    ...(tls ? tlsLines(tls, { verify: true }) : []),
  ].map((line) => `  ${line}`);
  return [
    'cluster {',
    `  name: ${quoted(own.name)}`,
    `  listen: ${address(own.ports.cluster)}`,
    `  routes: [${quoted(`nats-route://${signIn}@${loopback}:${own.ports.cluster}`)}]`,
    ...mutual,
    '}',
    'gateway {',
    `  name: ${quoted(own.name)}`,
    `  listen: ${address(own.ports.gateway)}`,
    ...mutual,
    '  gateways: [',
    ...all.map(({ name, ports }) => {
      const url = quoted(`nats://${signIn}@${loopback}:${ports.gateway}`);
      return `    { name: ${quoted(name)}, urls: [${url}] }`;
    }),
    '  ]',
    '}',
  ];
}

/** Servers of a data center are numbered, though one is what a host starts. */
function serverName(dataCenter: string): string {
  return `${dataCenter}-1`;
}

function address(port: number): string {
  return quoted(`${loopback}:${port}`);
}
