import type { NatsConnection } from 'nats';

/**
 * The one place that reaches into the NATS client (2.29). It offers no way to say which server to connect to next, to
 * bring back a server that it has dropped, or to let go of a socket whose other end is silent. Each function looks before
 * it touches, and does nothing and says so where a later release of the client looks different: then `reconnect()`
 * still takes the servers in turn, which finds home as well, if not at the first attempt.
 */

interface PoolServer {
  /** `host:port` */
  readonly listen: string;
}

interface Pool {
  getServers(): PoolServer[];
  addServer(url: string): void;
}

interface Subscriptions {
  all(): readonly { readonly sid: number }[];
  /** The subscription that all answers to requests come in by. */
  getMux(): { readonly sid: number } | null;
}

interface Protocol {
  readonly servers?: Partial<Pool>;
  readonly subscriptions?: Partial<Subscriptions>;
  readonly transport?: { readonly socket?: { destroy?: unknown } };
  sendCommand?: (line: string) => void;
}

/** Makes the client try these servers, in this order, when it connects the next time. */
export function orderPool(connection: NatsConnection, urls: readonly string[]): boolean {
  const { servers } = protocolOf(connection);
  if (!isPool(servers)) return false;
  const pool = servers.getServers();
  if (!Array.isArray(pool)) return false;
  const known = new Set(pool.map(({ listen }) => listen));
  // A server that did not answer at the first connect is dropped by the client for good.
  for (const url of urls) if (!known.has(hostPortOf(url))) servers.addServer(url);
  const rank = new Map(urls.map((url, i) => [hostPortOf(url), i]));
  const rankOf = ({ listen }: PoolServer): number => rank.get(listen) ?? urls.length;
  pool.sort((one, other) => rankOf(one) - rankOf(other));
  return true;
}

/**
 * Has the server send nothing more but answers, so that nothing is on its way to a connection that is about to move.
 * The client subscribes to everything again wherever it connects next, so a reconnect must follow.
 */
export function hush(connection: NatsConnection): boolean {
  const protocol = protocolOf(connection);
  const { subscriptions } = protocol;
  if (typeof protocol.sendCommand !== 'function' || !areSubscriptions(subscriptions)) return false;
  const answers = subscriptions.getMux();
  for (const { sid } of subscriptions.all()) {
    if (sid !== answers?.sid) protocol.sendCommand(`UNSUB ${sid}\r\n`);
  }
  return true;
}

/** The client first waits until all is written, which a server that takes nothing never lets happen. */
export function dropSocket(connection: NatsConnection): boolean {
  const socket = protocolOf(connection).transport?.socket;
  if (typeof socket?.destroy !== 'function') return false;
  (socket as { destroy(): void }).destroy();
  return true;
}

/** `host:port`, as the client names its servers. */
export function hostPortOf(url: string): string {
  const { hostname, port } = new URL(url.includes('://') ? url : `nats://${url}`);
  return `${hostname.toLowerCase()}:${port === '' ? defaultPort : port}`;
}

const defaultPort = '4222';

function protocolOf(connection: NatsConnection): Protocol {
  return (connection as { protocol?: Protocol }).protocol ?? {};
}

function isPool(pool: Partial<Pool> | undefined): pool is Pool {
  return typeof pool?.getServers === 'function' && typeof pool.addServer === 'function';
}

function areSubscriptions(found: Partial<Subscriptions> | undefined): found is Subscriptions {
  return typeof found?.all === 'function' && typeof found.getMux === 'function';
}
