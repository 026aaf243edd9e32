import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { StarlingError } from '../../core/base/errors.js';
import { inboxPrefixOf } from '../../messages/permissions.js';
import type { Role } from '../../messages/roles.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { clusterBucket, names } from '../../messages/default-names.testkit.js';
import type { TlsFiles } from '../../messages/nats-access.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { loadCredentials } from '../../site/servers/credentials.js';
import { findServer } from '../../site/servers/find-server.js';
import { startNatsServers } from '../../site/servers/nats-servers.js';
import type { ServerTls } from '../../site/servers/server-config.js';
import type { ServerCredentials } from '../../site/servers/server-users.js';
import { temporaryFolder } from './starling-process.js';

const dataCenters = [
  { name: 'train', role: 'training' },
  { name: 'east', role: 'inference' },
] as const;

export type Site = (typeof dataCenters)[number]['name'];

export interface RoleBus {
  readonly bus: NatsBus;
  /** `publish <subject>` or `subscribe <subject>`, as the server has refused them. */
  readonly refused: string[];
}

/** The servers of a cluster with all of its streams and roles, and nobody on them. */
export interface RoleServers {
  readonly folder: string;
  readonly credentials: ServerCredentials;
  url(site: Site): string;
  connect(role: Role, site: Site, tls?: TlsFiles): Promise<RoleBus>;
  stop(): Promise<void>;
}

export async function startRoleServers(tls?: ServerTls): Promise<RoleServers> {
  const { folder: parent, remove } = temporaryFolder();
  const folder = path.join(parent, 'nats');
  mkdirSync(folder);
  const credentials = await loadCredentials(folder);
  const servers = await startNatsServers({
    cluster: names.cluster,
    dataCenters,
    folder,
    ports: 'auto',
    credentials,
    tls,
    binary: await findServer(),
    payloadBytesMax: 8 * 2 ** 20,
    storageBytesMax: 2 ** 30,
  });
  const buses: NatsBus[] = [];
  const url = (site: Site): string =>
    servers.servers().find(({ dataCenter }) => dataCenter === site)!.url;

  async function connect(role: Role, site: Site, clientTls = tls && { ca: tls.ca }) {
    const refused: string[] = [];
    const onForbidden = ({ details }: StarlingError): void => {
      refused.push(`${String(details['operation'])} ${String(details['subject'])}`);
    };
    const access = {
      cluster: names.cluster,
      url: [url(site)],
      user: role,
      password: credentials.passwords[role],
      inboxPrefix: inboxPrefixOf(role, names),
      ...(clientTls ? { tls: clientTls } : {}),
    };
    const bus = await connectAs(access, { name: role, onForbidden });
    buses.push(bus);
    return { bus, refused };
  }

  const { bus } = await connect('supervisor', 'train');
  for (const declaration of declareStreams(names, { dataCenters, ingestMapped: true })) {
    await bus.declareStream(declaration, true);
  }
  await bus.bucketPut(clusterBucket, 'shape', new Uint8Array(1));
  return {
    folder,
    credentials,
    url,
    connect,
    async stop() {
      await Promise.all(buses.map((each) => each.close()));
      await servers.stop();
      remove();
    },
  };
}
