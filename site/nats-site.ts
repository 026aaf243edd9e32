import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { ClusterConfig } from '../core/config/schema.js';
import { StarlingError, messageOf } from '../core/base/errors.js';
import { homeFirst, wholeDataCenter, withServers } from '../core/config/data-centers.js';
import { inboxPrefixOf } from '../messages/permissions.js';
import type { Role } from '../messages/roles.js';
import type { NatsAccess } from '../messages/nats-access.js';
import { readAccess, writeAccess, type AccessFile } from './access-file.js';
import { policyOf } from '../runtime/restart-policy.js';
import { loadCredentials } from './servers/credentials.js';
import { findServer } from './servers/find-server.js';
import { startNatsServers } from './servers/nats-servers.js';
import { payloadBytesOf, requireMessagesFit } from './message-limit.js';
import { ownCertificate, requireReadable, tlsFilesOf } from './tls-files.js';

export interface NatsSiteServer {
  readonly dataCenter: string;
  readonly pid: number | null;
  readonly url: string;
}

/** The servers a cluster runs on: started by it, or somebody else's. */
export interface NatsSite {
  /** As it is there: with as many servers as there are, where each data center has its own. */
  readonly config: ClusterConfig;
  /** Started here. */
  readonly owned: boolean;
  /** Whether streams can be put into a data center: the servers are told apart, and there are several. */
  readonly placed: boolean;
  /** With our mappings: events come to the data center where they are sent. */
  readonly mapped: boolean;
  /** How somebody in `role` reaches the servers: that of his data center first, the others for when it is gone. */
  readonly access: (dataCenter: string, role: Role) => NatsAccess;
  readonly version: string;
  servers(): NatsSiteServer[];
  /** Hears of every server that is back under another process id. */
  onRestart(listener: () => void): void;
  stop(): Promise<void>;
}

export interface SiteOptions {
  readonly config: ClusterConfig;
  readonly stateDir: string;
  readonly log: (line: string) => void;
  /** Servers were started, which takes them a second or two: what can be done meanwhile. Not called where none was. */
  readonly whileStarting?: () => void;
}

/** How a cluster comes by its servers: `ownSite`, or one of those below for servers that somebody else runs. */
export type OpenSite = (options: SiteOptions) => Promise<NatsSite>;

/** One server for each data center, joined by gateways, with its files under the state folder. */
export async function ownSite(options: SiteOptions): Promise<NatsSite> {
  const { config, stateDir, log, whileStarting: onAllStarted } = options;
  requireMessagesFit(config);
  const folder = path.join(stateDir, 'nats');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const tls = tlsFilesOf(config);
  if (tls) await requireReadable(tls);
  const credentials = await loadCredentials(folder);
  const listeners: (() => void)[] = [];
  const binary = await findServer(log);
  const whole = wholeDataCenter(config);
  const servers = await startNatsServers({
    cluster: config.name,
    whole,
    dataCenters: config.dataCenters,
    folder,
    ports: config.nats.ports,
    credentials,
    tls: tls && ownCertificate(tls),
    binary,
    payloadBytesMax: payloadBytesOf(config),
    storageBytesMax: config.nats.storageBytesMax,
    syncAlways: config.nats.syncAlways,
    restarts: policyOf(config.supervision),
    log,
    ...(onAllStarted === undefined ? {} : { onAllStarted }),
    onKept: (dataCenter, pid) => log(`nats-server of ${dataCenter} goes on, pid ${pid}`),
    onHung: (dataCenter, silences) =>
      log(`nats-server of ${dataCenter} did not answer ${silences} times in a row and is killed`),
    onExit: ({ dataCenter, error }) => log(`nats-server of ${dataCenter} ended: ${error.message}`),
    onRestart: ({ dataCenter, downMs }) => {
      log(`nats-server of ${dataCenter} is back after ${downMs} ms`);
      for (const listener of listeners) listener();
    },
  });
  const urlOf = new Map(servers.servers().map(({ dataCenter, url }) => [dataCenter, url]));
  const access: NatsSite['access'] = (dataCenter, role) => ({
    ...clusterOf(config),
    url: homeFirst(config.dataCenters, dataCenter).map(({ name }) => urlOf.get(name)!),
    user: role,
    password: credentials.passwords[role],
    inboxPrefix: inboxPrefixOf(role, { cluster: config.name }),
    // The certificate is the servers' own: whom they let in, they know by the password.
    ...(tls ? { tls: { ca: tls.ca } } : {}),
  });
  await writeAccess(path.join(folder, 'access.json'), {
    name: config.name,
    dataCenters: config.dataCenters.map(({ name, role }) => ({
      name,
      role,
      urls: [urlOf.get(name)!],
    })),
    passwords: credentials.passwords,
    ...(tls ? { tls: { ca: tls.ca } } : {}),
  });
  return {
    config: withServers(config, servers.servers()),
    owned: true,
    placed: config.dataCenters.length > 1,
    mapped: true,
    access,
    version: binary.version,
    servers: () =>
      servers.servers().map(({ dataCenter, url, pid }) => ({ dataCenter, url, pid: pid ?? null })),
    onRestart: (listener) => void listeners.push(listener),
    stop: () => servers.stop(),
  };
}

/**
 * Every data center on the servers named by the URLs, separated by commas; one of them may carry user and password.
 * Those are everybody's: somebody else's servers know nothing of our roles. Nor do ours know where those stand, so all
 * prefer the first.
 *
 * @throws StarlingError CONFIG_INVALID when one is no URL.
 */
export async function externalSite(config: ClusterConfig, natsUrls: string): Promise<NatsSite> {
  const urls = natsUrls.split(',').map((text) => parseUrl(text.trim()));
  const plain = urls.map(({ host }) => `nats://${host}`);
  const signIn = urls.find(({ username }) => username !== '');
  const tls = tlsFilesOf(config);
  if (tls) await requireReadable(tls);
  const access: NatsAccess = {
    ...clusterOf(config),
    url: plain,
    user: decodeURIComponent(signIn?.username ?? ''),
    password: decodeURIComponent(signIn?.password ?? ''),
    ...(tls ? { tls } : {}),
  };
  return {
    config,
    owned: false,
    placed: false,
    mapped: false,
    access: () => access,
    version: 'external',
    servers: () =>
      config.dataCenters.map(({ name }) => {
        return { dataCenter: name, url: plain.join(','), pid: null };
      }),
    // Whoever runs them sees to that.
    onRestart: () => undefined,
    stop: async () => undefined,
  };
}

/**
 * The servers that `starling nats-config` has described, or those of a cluster that runs on a state folder: with a user
 * for each role.
 *
 * @throws StarlingError CONFIG_INVALID for a file that is not of that kind, or of another cluster.
 */
export async function accessSite(config: ClusterConfig, file: string): Promise<NatsSite> {
  const known = await readAccess(file);
  if (known.name !== config.name) {
    const text = `${file} is of a cluster named "${known.name}", the configuration is of "${config.name}": its users may do nothing there.`;
    throw new StarlingError('CONFIG_INVALID', text, { file });
  }
  const urls = new Map(known.dataCenters.map(({ name, urls: own }) => [name, own]));
  const missing = config.dataCenters.filter(({ name }) => !urls.has(name));
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    const text = `${file} has no servers of ${names}; the configuration has them as data centers.`;
    throw new StarlingError('CONFIG_INVALID', text, { file });
  }
  const { tls } = known;
  if (tls) await requireReadable(tls);
  const servers = config.dataCenters.flatMap(({ name }) =>
    urls.get(name)!.map((url) => ({ dataCenter: name, url, pid: null })),
  );
  return {
    config: withServers(config, servers),
    owned: false,
    placed: servers.length > 1,
    mapped: true,
    access: (dataCenter, role) => ({
      ...clusterOf(config),
      url: homeFirst(config.dataCenters, dataCenter).flatMap(({ name }) => urls.get(name)!),
      user: role,
      password: passwordOf(known, role, file),
      inboxPrefix: inboxPrefixOf(role, { cluster: config.name }),
      ...(tls ? { tls } : {}),
    }),
    version: 'external',
    servers: () => servers,
    // Whoever runs them sees to that.
    onRestart: () => undefined,
    stop: async () => undefined,
  };
}

/** By what its subjects and streams are called. */
function clusterOf(config: ClusterConfig): Pick<NatsAccess, 'cluster' | 'whole'> {
  const whole = wholeDataCenter(config);
  return { cluster: config.name, ...(whole === undefined ? {} : { whole }) };
}

function passwordOf({ passwords }: AccessFile, role: Role, file: string): string {
  const found = passwords[role];
  if (found !== undefined) return found;
  const text = `${file} has no password of the role ${role}.`;
  throw new StarlingError('CONFIG_INVALID', text, { file, role });
}

function parseUrl(text: string): URL {
  try {
    return new URL(text.includes('://') ? text : `nats://${text}`);
  } catch (cause) {
    throw new StarlingError(
      'CONFIG_INVALID',
      `NATS URL "${text}": ${messageOf(cause)}; expected nats://host:port.`,
      {},
      { cause },
    );
  }
}
