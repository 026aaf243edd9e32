import { assert } from '../../core/base/assert.js';

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

export interface ServerCredentials {
  /** Of the account that the cluster and its clients use. */
  readonly user: string;
  readonly password: string;
  /** Of the system account: server events and JetStream administration. Nothing in Starling signs in with it. */
  readonly systemUser: string;
  readonly systemPassword: string;
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

/**
 * @param all  every data center's server, including `own`. At least two: a lone server would wait for a meta group of
 *   two for ever.
 */
export function renderServerConfig(
  own: DataCenterServer,
  all: readonly DataCenterServer[],
  credentials: ServerCredentials,
  limits: ServerLimits,
): string {
  assert(all.includes(own), `${own.name} is one of the servers`);
  assert(all.length >= 2, 'a super-cluster has at least two data centers');
  return `${[
    ...connectionLines(own, limits),
    ...storageLines(own, limits),
    ...clusterLines(own, all),
    ...accountLines(own, credentials),
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

function clusterLines(own: DataCenterServer, all: readonly DataCenterServer[]): string[] {
  return [
    'cluster {',
    `  name: ${quoted(own.name)}`,
    `  listen: ${address(own.ports.cluster)}`,
    `  routes: [${quoted(`nats-route://${loopback}:${own.ports.cluster}`)}]`,
    '}',
    'gateway {',
    `  name: ${quoted(own.name)}`,
    `  listen: ${address(own.ports.gateway)}`,
    '  gateways: [',
    ...all.map(({ name, ports }) => {
      const url = quoted(`nats://${loopback}:${ports.gateway}`);
      return `    { name: ${quoted(name)}, urls: [${url}] }`;
    }),
    '  ]',
    '}',
  ];
}

function accountLines(own: DataCenterServer, credentials: ServerCredentials): string[] {
  const { user, password, systemUser, systemPassword } = credentials;
  return [
    'accounts {',
    '  $SYS {',
    `    users: [{ user: ${quoted(systemUser)}, password: ${quoted(systemPassword)} }]`,
    '  }',
    '  STARLING {',
    '    jetstream: enabled',
    `    users: [{ user: ${quoted(user)}, password: ${quoted(password)} }]`,
    '    mappings {',
    `      "starling.ingest.*": ${quoted(`starling.raw.${own.name}.$1`)}`,
    '    }',
    '  }',
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

/** Quotes, backslashes and control characters are escaped alike in JSON and in the servers' format. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
