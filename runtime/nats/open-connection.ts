import { connect } from 'nats';
import type { NatsConnection, TlsOptions } from 'nats';
import type { Clock } from '../../core/base/clock.js';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import type { TlsFiles } from '../../messages/nats-access.js';
import { denialOf, forbidden, isRefusedSignIn } from './nats-errors.js';
import type { Whereabouts } from './way-home.js';
import { hostPortOf } from './server-pool.js';
import { readServerInfo } from '../server-info.js';

export interface ConnectOptions {
  /** The name of the cluster that the connection is for. */
  readonly cluster: string;
  /** Its data center that learns and answers, if there is one: see `namesOf`. */
  readonly whole?: string | undefined;
  /**
   * Home first: the server of the own data center. The others are for when it is gone, in this order; the connection
   * goes home by itself (runtime/nats/way-home.ts).
   */
  readonly urls: readonly string[];
  readonly user?: string;
  readonly password?: string;
  /** Where replies come in; roles have prefixes of their own (messages/permissions.ts). */
  readonly inboxPrefix?: string | undefined;
  /** Absent: not encrypted, unless the servers insist and have a certificate that this host believes. */
  readonly tls?: TlsFiles | undefined;
  readonly name: string;
  /** That of whoever uses the connection; absent: that of this machine. */
  readonly clock?: Clock;
  readonly connectTimeoutMs?: number;
  /**
   * Hears FORBIDDEN for every subject that the servers refuse; `details` has `operation`, publish or subscribe, and
   * `subject`. Requests and appends reject with it as well, but who publishes a notice or subscribes hears it only here.
   */
  readonly onForbidden?: (error: StarlingError) => void;
  /**
   * A request that is not answered for so long makes the connection ask its server whether it is there, and leave it if
   * it does not say so as soon again. For those whose callers wait; others leave a silent server after some seconds.
   */
  readonly suspectMs?: number;
  /** Hears of every arrival at another server, or at the same one again. */
  readonly onMoved?: (where: Whereabouts) => void;
  /** Hears that a stream it follows is out of reach, each time that it was looked for in vain; it is followed on later. */
  readonly onInterrupted?: (error: StarlingError) => void;
}

/** For the greeting of home before the first connect. Too low: a busy home is passed by, for as long as `calmMs`. */
const greetingMsMax = 1_000;

/** @throws StarlingError UNAVAILABLE when no server answers, FORBIDDEN when user or password are wrong. */
export async function openNats(options: ConnectOptions): Promise<NatsConnection> {
  const { user = '', tls } = options;
  try {
    const connection = await connect({
      servers: await inOrder(options.urls),
      ...(user ? { user, pass: options.password ?? '' } : {}),
      ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
      ...(tls ? { tls: tlsOptions(tls) } : {}),
      name: options.name,
      noRandomize: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      reconnectJitter: 100,
      timeout: options.connectTimeoutMs ?? 5_000,
      pingInterval: 5_000,
      maxPingOut: 3,
      ignoreClusterUpdates: true,
      // Else each request takes down where it was made, whether it fails or not.
      noAsyncTraces: true,
    });
    if (options.onForbidden) void tellDenials(connection, user, options.onForbidden);
    return connection;
  } catch (cause) {
    if (isRefusedSignIn(cause)) {
      const text = `NATS at ${options.urls.join(', ')} does not know user "${user}" with this password.`;
      throw new StarlingError('FORBIDDEN', text, { user }, { cause });
    }
    throw new StarlingError(
      'UNAVAILABLE',
      `can't reach NATS at ${options.urls.join(', ')}: ${messageOf(cause)}.`,
      {},
      { cause },
    );
  }
}

/** A home that is stopped takes the connection and then says nothing, until the time for connecting is over. */
async function inOrder(urls: readonly string[]): Promise<string[]> {
  const [home, ...others] = urls;
  if (home === undefined || others.length === 0) return [...urls];
  const greets = await readServerInfo(hostPortOf(home), greetingMsMax);
  return greets ? [home, ...others] : [...others, home];
}

function tlsOptions({ ca, cert, key }: TlsFiles): TlsOptions {
  return {
    caFile: ca,
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
  };
}

async function tellDenials(
  connection: NatsConnection,
  user: string,
  tell: (error: StarlingError) => void,
): Promise<void> {
  for await (const status of connection.status()) {
    const denial = denialOf(status);
    if (denial) tell(forbidden(denial, user));
  }
}
