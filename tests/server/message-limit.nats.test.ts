import { afterAll, beforeAll, expect, test } from '@jest/globals';
import base from '../../cluster.config.js';
import { startCluster } from '../../cluster/cluster.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { externalSite } from '../../site/nats-site.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';

/** A nats-server as it comes: no message above 1 MiB. */
let server: MessageServer;
const { folder, remove } = temporaryFolder();
beforeAll(async () => {
  server = await startMessageServer();
}, 60_000);
afterAll(async () => {
  await server?.stop();
  remove();
});

test('a network that the server takes no message of is refused before anything is made, with the figure', async () => {
  const model = { ...base.model, hidden: [1024, 512] };
  const config = parseClusterConfig({ ...base, model });
  const start = startCluster({
    config,
    stateDir: folder,
    openSite: () => externalSite(config, `nats://${server.url}`),
  }).then(async (cluster) => {
    await cluster.stop();
    return 'started';
  });
  await expect(start).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/max_payload 1048576: set it to 2\d{6} or more/),
  });
  const bus = await server.connect();
  expect(await bus.hasStream(bus.names.stream.dense)).toBe(false);
});
