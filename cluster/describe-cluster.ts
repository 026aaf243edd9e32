import { createHash } from 'node:crypto';
import { trainingDataCenter } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { NatsAccess } from '../messages/nats-access.js';
import type { NatsSite } from '../site/nats-site.js';
import type { ClusterDescription } from './state-folder.js';

/** How clients and administrators on this machine reach the cluster that runs on `site`. */
export function describeCluster(
  config: ClusterConfig,
  site: Pick<NatsSite, 'access' | 'servers'>,
): Omit<ClusterDescription, 'startedAtMs'> {
  const training = trainingDataCenter(config);
  const client = site.access(training, 'client');
  const servers = site.servers();
  const dataCenters = config.dataCenters.map(({ name, role }) => {
    // A site has an entry for every data center.
    const { url, pid } = servers.find(({ dataCenter }) => dataCenter === name)!;
    return { name, role, url, ...(pid ? { serverPid: pid } : {}) };
  });
  return {
    name: config.name,
    dataCenters,
    ...signInOf(client),
    admin: signInOf(site.access(training, 'admin')),
    ...(client.tls ? { tls: client.tls } : {}),
    configHash: createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16),
  };
}

function signInOf({ user, password, inboxPrefix }: NatsAccess) {
  return { user, password, ...(inboxPrefix === undefined ? {} : { inboxPrefix }) };
}
