import { wholeDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { AccessFile } from '../access-file.js';
import { payloadBytesOf } from '../message-limit.js';
import {
  hostAndPort,
  renderClusterServer,
  type ClusterServer,
  type ServerTls,
} from '../servers/server-config.js';
import type { ServerCredentials } from '../servers/server-users.js';
import { hostOf, portsOf, type Topology, type TopologyServer } from './topology.js';

/** What a deployment's hosts are given, by path below the output folder. Pure: nothing is read or written here. */
export interface DeploymentFile {
  readonly path: string;
  readonly text: string;
}

export interface Deployment {
  readonly config: ClusterConfig;
  readonly topology: Topology;
  readonly credentials: ServerCredentials;
}

/** client-access.json: for programs that ask for recommendations and send events. */
export interface OutsideAccess extends Reach {
  readonly user: 'client';
  readonly password: string;
}

type Reach = Pick<AccessFile, 'name' | 'dataCenters' | 'tls'>;

export function deploymentFiles(deployment: Deployment): DeploymentFile[] {
  return [
    ...serverFiles(deployment),
    jsonFile('access.json', hostAccess(deployment)),
    jsonFile('client-access.json', outsideAccess(deployment)),
  ];
}

function serverFiles({ config, topology, credentials }: Deployment): DeploymentFile[] {
  const entries = config.dataCenters.flatMap(({ name }) =>
    serversOf(topology, name).map((each) => [each, clusterServer(topology, name, each)] as const),
  );
  const servers = entries.map(([, server]) => server);
  const { storageBytesMax, syncAlways } = config.nats;
  const limits = {
    payloadBytesMax: payloadBytesOf(config),
    storageBytesMax,
    syncAlways: topology.syncAlways ?? syncAlways,
  };
  return entries.map(([{ server: name }, server]) => {
    const tls = tlsOf(topology, name);
    const text = renderClusterServer(server, servers, {
      cluster: config.name,
      whole: wholeDataCenter(config),
      credentials,
      limits,
      tls,
    });
    return { path: `${server.dataCenter}/${name}.conf`, text };
  });
}

function clusterServer(
  topology: Topology,
  dataCenter: string,
  given: TopologyServer,
): ClusterServer {
  return {
    name: given.server,
    dataCenter,
    host: hostOf(given),
    ports: portsOf(topology, given),
    listen: topology.listen,
    storeFolder: given.storeDir,
    advertise: true,
    tags: [`data-center:${dataCenter}`],
  };
}

function serversOf(topology: Topology, dataCenter: string): readonly TopologyServer[] {
  return topology.dataCenters[dataCenter] ?? [];
}

function tlsOf({ tls }: Topology, server: string): ServerTls | undefined {
  if (tls === undefined) return undefined;
  const named = (file: string): string => file.replaceAll('{server}', server);
  return { ca: named(tls.ca), cert: named(tls.cert), key: named(tls.key) };
}

function hostAccess(deployment: Deployment): AccessFile {
  const { passwords } = deployment.credentials;
  return { ...howToReach(deployment), passwords };
}

function outsideAccess(deployment: Deployment): OutsideAccess {
  const { client: password } = deployment.credentials.passwords;
  return { ...howToReach(deployment), user: 'client', password };
}

/** Those who connect need no certificate, only the authority that has signed those of the servers. */
function howToReach({ config, topology }: Deployment): Reach {
  const { tls } = topology;
  const dataCenters = config.dataCenters.map(({ name, role }) => {
    const urls = serversOf(topology, name).map((each) => {
      const at = hostAndPort(hostOf(each), portsOf(topology, each).client);
      return `${tls ? 'tls' : 'nats'}://${at}`;
    });
    return { name, role, urls };
  });
  return { name: config.name, dataCenters, ...(tls ? { tls: { ca: tls.ca } } : {}) };
}

function jsonFile(path: string, content: unknown): DeploymentFile {
  return { path, text: `${JSON.stringify(content, null, 2)}\n` };
}
