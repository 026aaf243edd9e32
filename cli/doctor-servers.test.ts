import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import base from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { checkServersElsewhere } from './doctor-servers.js';

const wide = parseClusterConfig({ ...base, model: { ...base.model, hidden: [1024, 512] } });

/** What greets as a nats-server does, and no more. */
async function greeter(payloadBytesMax: number) {
  const greeting = `INFO {"version":"2.15.3","max_payload":${payloadBytesMax}}\r\n`;
  const server = createServer((socket) => socket.end(greeting)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, stop: () => once(server.close(), 'close') };
}

test('servers that do not take the messages of the network are named, with the figure that is needed', async () => {
  const [large, small] = [await greeter(8 * 2 ** 20), await greeter(2 ** 20)];
  try {
    expect(await checkServersElsewhere(large.url, wide)).toMatchObject({ level: 'ok' });
    const found = await checkServersElsewhere(`${large.url},${small.url}`, wide);
    expect(found).toMatchObject({
      level: 'fail',
      detail: expect.stringMatching(
        /^127\.0\.0\.1:\d+: model\.hidden: .* takes max_payload 1048576: set it to 2\d{6} or more/,
      ),
    });
    expect(found.detail).toContain(small.url.replace('nats://', ''));
    // Of a configuration that can't be read there is a finding already.
    expect(await checkServersElsewhere(small.url, undefined)).toMatchObject({ level: 'ok' });
  } finally {
    await Promise.all([large.stop(), small.stop()]);
  }
});
