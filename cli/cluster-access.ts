import { existsSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../core/base/errors.js';
import type { StarlingClient } from '../client/client.js';
import { connectStarling } from '../client/client.js';
import type { ClusterLocation } from '../client/connect.js';
import { openConnection } from '../client/connect.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import type { Arguments } from './command.js';
import { UsageError, durationMs } from './command.js';

/** Where a cluster keeps its state unless told otherwise. */
export const stateDirDefault = '.starling';

/**
 * A replay without --state works in here, and begins with an empty folder: what an earlier run learned from the very
 * same labels would make this one look better than it is.
 */
export const replayDirDefault = path.join(stateDirDefault, 'replay');

/** Connects to the cluster that --state or --nats name, or to the one that runs in a default folder. */
async function connectTo<T>(
  args: Arguments,
  connect: (location: ClusterLocation) => Promise<T>,
): Promise<T> {
  const url = args.value('nats');
  const name = args.value('name');
  if (name !== undefined && url === undefined)
    throw new UsageError('--name goes with --nats; a state folder knows the name of its cluster.');
  if (url !== undefined) return connect(locationAt({ url, name }));
  const stateDir = args.value('state');
  if (stateDir !== undefined) return connect({ stateDir });
  try {
    return await connect({ stateDir: stateDirDefault });
  } catch (error) {
    const replaying = existsSync(path.join(replayDirDefault, 'cluster.json'));
    if (codeOf(error) !== 'NOT_RUNNING' || !replaying) throw error;
    return connect({ stateDir: replayDirDefault });
  }
}

/** Servers by their URLs, and as whom the environment says to sign in there. */
export function locationAt({
  url,
  name,
}: {
  readonly url: string;
  readonly name: string | undefined;
}): ClusterLocation {
  const user = process.env['STARLING_NATS_USER'];
  const password = process.env['STARLING_NATS_PASSWORD'];
  return { urls: url.split(','), name, user, password, tls: tlsOfEnvironment() };
}

/** The client for the cluster that the arguments name. */
function connectByArguments(args: Arguments): Promise<StarlingClient> {
  return connectAt(args, undefined);
}

/** As somebody in a data center: of the servers that a state folder knows, its own are preferred. */
export function connectAt(
  args: Arguments,
  dataCenter: string | undefined,
): Promise<StarlingClient> {
  const timeout = args.value('timeout');
  const options = {
    connectionName: 'starling-cli',
    ...(timeout === undefined ? {} : { deadlineMs: durationMs(timeout, 'timeout') }),
  };
  return connectTo(args, (location) => {
    const place = 'stateDir' in location ? { ...location, dataCenter } : location;
    return connectStarling({ ...place, ...options });
  });
}

const connectMsMax = 5_000;

/** As somebody who may look at streams and ask the supervisor; closes whatever happens. */
export async function withAdmin<T>(args: Arguments, use: (bus: NatsBus) => Promise<T>): Promise<T> {
  const bus = await connectTo(args, adminAt);
  try {
    return await use(bus);
  } finally {
    await bus.close();
  }
}

export function adminAt(location: ClusterLocation): Promise<NatsBus> {
  return openConnection(location, {
    connectionName: 'starling-cli',
    connectTimeoutMs: connectMsMax,
    role: 'admin',
  });
}

/** Paths of PEM files for --nats, which has no place for them; cluster.json names its own. */
function tlsOfEnvironment() {
  const ca = process.env['STARLING_NATS_CA'];
  const cert = process.env['STARLING_NATS_CERT'];
  const key = process.env['STARLING_NATS_KEY'];
  return ca === undefined ? undefined : { ca, cert, key };
}

/** Connects, and closes whatever happens. */
export async function withClient<T>(
  args: Arguments,
  use: (client: StarlingClient) => Promise<T>,
): Promise<T> {
  const client = await connectByArguments(args);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
