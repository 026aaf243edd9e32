import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../../chaos/fleet.js';
import { clientOn, type StarlingClient } from '../../client/client.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import clusterConfig from '../../cluster.config.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { audit } from '../../operations/audit/audit.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { hasOpenssl, makeCertificates } from '../support/certificates.js';
import { startDeployment, type DeploymentServers } from '../support/deployment-servers.js';
import { temporaryFolder } from '../support/starling-process.js';

const config = parseClusterConfig({
  ...clusterConfig,
  dataCenters: [
    { name: 'train', role: 'training', servers: 3 },
    { name: 'east', role: 'inference' },
  ],
});
const cli = fileURLToPath(new URL('../../cli/starling.js', import.meta.url));

const describeWithOpenssl = hasOpenssl ? describe : describe.skip;

/** The walk through docs/deployment.md, on one machine. */
describeWithOpenssl('a deployment (skipped where there is no openssl command)', () => {
  let temporary: ReturnType<typeof temporaryFolder>;
  let servers: DeploymentServers | undefined;
  let fleet: Fleet | undefined;
  let admin: NatsBus;
  let client: StarlingClient;

  beforeAll(async () => {
    temporary = temporaryFolder();
    const { folder } = temporary;
    const certificates = path.join(folder, 'tls');
    mkdirSync(certificates);
    servers = await startDeployment(config, folder, makeCertificates(certificates));
    const configFile = path.join(folder, 'cluster.config.json');
    writeFileSync(configFile, JSON.stringify(config));
    fleet = new Fleet({
      plans: [
        { name: 'h1', dataCenters: ['train'] },
        { name: 'h2', dataCenters: ['east'] },
      ],
      folder,
      command: [cli, 'host', '--access', servers.accessFile, '--config', configFile],
      servers: () => [],
    });
    fleet.start();
    admin = await servers.connect('admin', 'train');
    client = clientOn(await servers.connect('client', 'east'));
  }, 120_000);
  afterAll(async () => {
    await fleet?.stop();
    await servers?.stop();
    temporary.remove();
  }, 60_000);

  const status = (): Promise<ClusterStatus> => clientOn(admin, 2_000).status();

  test('is there when its hosts have joined, whichever was first', async () => {
    await until('every actor is ready', async () => (await status()).ready);
    const { hosts } = await status();
    expect(hosts.map(({ name }) => name).sort()).toEqual(['h1', 'h2']);
  }, 120_000);

  test('loses one of three servers, and neither an event nor an actor', async () => {
    await send(client, 0, 100);
    await servers!.kill('train-2');
    await send(client, 100, 200);
    await until('all is learned, once', async () => {
      const { ok, findings } = await audit(admin, status, 0);
      return ok && Object.values(findings.inFlight).every((count) => count === 0);
    });
    const { actors, ready } = await status();
    expect(ready).toBe(true);
    expect(actors.filter(({ restarts }) => restarts > 0)).toEqual([]);
  }, 180_000);
});

/** Waits out the seconds in which nobody answers. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 90_000;
  for (;;) {
    const reached = await holds().catch((error: unknown) => {
      if (Date.now() > endMs) throw error;
      return false;
    });
    if (reached) return;
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    await sleep(100);
  }
}

async function send(client: StarlingClient, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const [requestId, user, item] = [`r${n}`, n % 50, n % 30];
    await client.ingestImpressions([{ requestId, user, item, score: 0.5 }]);
    await client.ingestActions([{ requestId, item, label: (n % 2) as 0 | 1 }]);
  }
}
