import path from 'node:path';
import { codeOf, errorCodes, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { hostPortOf } from '../runtime/nats/server-pool.js';
import { readServerInfo } from '../runtime/server-info.js';
import { requireMessagesFit } from '../site/message-limit.js';
import {
  findServerInPlace,
  isAtLeast,
  type NatsServerBinary,
} from '../site/servers/find-server.js';
import {
  remedyElsewhere,
  remedyFor,
  riskOf,
  versionWithSyncAlways,
} from '../site/servers/server-age.js';
import { requireReadableStreams } from '../site/servers/stream-versions.js';
import type { Finding } from './doctor-finding.js';

type Found = Omit<Finding, 'name'>;

/** The server that `starling up` would start: whether it can be had, what it lacks, and whether it can read the state. */
export async function checkOwnServer(
  stateDir: string,
  config: ClusterConfig | undefined,
): Promise<Found> {
  const server = await findServerInPlace();
  if (!server) {
    const remedy = 'Run `npm run setup`, or set NATS_SERVER to a nats-server binary.';
    const detail = 'there is none, and starting a cluster would have to get one';
    return { level: 'fail', detail, remedy };
  }
  const detail = `${server.version} at ${server.path} (${server.from})`;
  if (config?.nats.syncAlways === true && !isAtLeast(server.version, versionWithSyncAlways)) {
    const needs = `nats.syncAlways needs ${versionWithSyncAlways} or newer`;
    return { level: 'fail', detail: `${detail}: ${needs}`, remedy: remedyFor(server) };
  }
  const unreadable = config && (await unreadableStreams(stateDir, config, server));
  if (unreadable) return unreadable;
  const risk = riskOf(server.version);
  if (risk === undefined) return { level: 'ok', detail };
  return { level: 'warn', detail: `${detail} ${risk}`, remedy: remedyFor(server) };
}

async function unreadableStreams(
  stateDir: string,
  { dataCenters }: ClusterConfig,
  server: NatsServerBinary,
): Promise<Found | undefined> {
  try {
    await requireReadableStreams({ folder: path.resolve(stateDir, 'nats'), dataCenters }, server);
    return undefined;
  } catch (error) {
    return { level: 'fail', detail: messageOf(error), remedy: errorCodes[codeOf(error)].remedy };
  }
}

/** A greeting comes at once; who waits longer waits for a server that is not there. */
const greetingMsMax = 3_000;

/** Servers that somebody else runs, by what they say of themselves before anybody signs in. */
export async function checkServersElsewhere(
  natsUrls: string,
  config: ClusterConfig | undefined,
): Promise<Found> {
  const addresses = natsUrls.split(',').map((url) => hostPortOf(url.trim()));
  const greeted = await Promise.all(
    addresses.map(async (address) => {
      const { version, payloadBytesMax } = (await readServerInfo(address, greetingMsMax)) ?? {};
      return { address, version, payloadBytesMax };
    }),
  );
  const detail = greeted
    .map(({ address, version }) => `${version ?? 'no nats-server answers'} at ${address}`)
    .join(', ');
  if (greeted.every(({ version }) => version === undefined)) {
    return { level: 'fail', detail, remedy: 'Start it, or correct the URL.' };
  }
  const tooShort = config && messagesTooLong(config, greeted);
  if (tooShort !== undefined) return { level: 'fail', ...tooShort };
  const risks = greeted.map(({ version }) => version && riskOf(version)).filter(Boolean);
  if (risks.length > 0) {
    return { level: 'warn', detail: `${detail} ${risks[0]}`, remedy: remedyElsewhere };
  }
  if (greeted.some(({ version }) => version === undefined)) {
    return { level: 'warn', detail, remedy: 'Start those that do not answer.' };
  }
  return { level: 'ok', detail };
}

/** A client is handed from one server to another, so all of them must take what the network sends. */
function messagesTooLong(
  config: ClusterConfig,
  greeted: readonly { readonly address: string; readonly payloadBytesMax?: number | undefined }[],
): { readonly detail: string; readonly remedy: string } | undefined {
  for (const { address, payloadBytesMax } of greeted) {
    try {
      requireMessagesFit(config, payloadBytesMax);
    } catch (error) {
      const remedy = 'A start on these servers would be refused; do what it says, then look again.';
      return { detail: `${address}: ${messageOf(error)}`, remedy };
    }
  }
  return undefined;
}
