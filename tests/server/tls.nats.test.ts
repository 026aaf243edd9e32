import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { names, subject } from '../../messages/default-names.testkit.js';
import { connectBus } from '../../runtime/nats/nats-bus.js';
import type { ServerPorts, ServerTls } from '../../site/servers/server-config.js';
import { hasOpenssl, makeCertificates } from '../support/certificates.js';
import { startRoleServers, type RoleServers } from '../support/role-servers.js';
import { temporaryFolder } from '../support/starling-process.js';

const describeWithOpenssl = hasOpenssl ? describe : describe.skip;

describeWithOpenssl('servers with TLS (skipped where there is no openssl command)', () => {
  let temporary: ReturnType<typeof temporaryFolder>;
  let tls: ServerTls;
  let stranger: ServerTls;
  let servers: RoleServers;

  beforeAll(async () => {
    temporary = temporaryFolder();
    tls = makeCertificates(temporary.folder);
    const elsewhere = path.join(temporary.folder, 'stranger');
    mkdirSync(elsewhere);
    stranger = makeCertificates(elsewhere);
    servers = await startRoleServers(tls);
  }, 60_000);
  afterAll(async () => {
    await servers?.stop();
    temporary.remove();
  });

  const client = (given: { ca: string } | undefined) =>
    connectBus({
      cluster: names.cluster,
      urls: [servers.url('east')],
      user: 'client',
      password: servers.credentials.passwords.client,
      name: 'test',
      ...(given ? { tls: given } : {}),
    });

  test('serve clients that believe their authority, and join each other', async () => {
    const ranker = await servers.connect('ranker', 'east');
    ranker.bus.serve(subject.rank, { queue: 'ranker' }, (bytes) => bytes);
    await ranker.bus.flush();
    // From the other data center: the question and its answer cross the gateways.
    const { bus } = await servers.connect('client', 'train');
    const question = new Uint8Array([1, 2, 3]);
    expect(await bus.request(subject.rank, question, { timeoutMs: 5_000 })).toEqual(question);
  });

  test('are not believed by clients that trust another authority, or none of theirs', async () => {
    for (const given of [{ ca: stranger.ca }, undefined]) {
      const attempt = client(given);
      await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(attempt).rejects.toThrow('certificate');
    }
  });

  test('turn away who joins as a server without a certificate of their authority', async () => {
    const ports = JSON.parse(
      readFileSync(path.join(servers.folder, 'ports.json'), 'utf8'),
    ) as Record<string, ServerPorts>;
    for (const port of [ports['east']!.cluster, ports['east']!.gateway]) {
      expect(await joins(port, tls, tls)).toBe(true);
      expect(await joins(port, tls, undefined)).toBe(false);
      expect(await joins(port, tls, stranger)).toBe(false);
    }
  });

  test('are insisted on: a client that is told to encrypt does not talk to a server that can not', async () => {
    const plain = await startRoleServers();
    try {
      await expect(plain.connect('client', 'east', { ca: tls.ca })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    } finally {
      await plain.stop();
    }
  });
});

/** Whether a server lets somebody in as a server who shows `own` as its certificate. */
async function joins(
  port: number,
  { ca }: ServerTls,
  own: ServerTls | undefined,
): Promise<boolean> {
  const secured = connectTls({
    port,
    host: '127.0.0.1',
    ca: readFileSync(ca),
    servername: 'localhost',
    ...(own ? { cert: readFileSync(own.cert), key: readFileSync(own.key) } : {}),
  });
  const refused = new Promise<false>((resolve) => {
    secured.on('error', () => resolve(false));
    secured.on('close', () => resolve(false));
  });
  // With TLS 1.3 a certificate is refused after the handshake.
  const accepted = new Promise<true>((resolve) => {
    secured.on('secureConnect', () => setTimeout(() => resolve(true), 300));
  });
  const answer = await Promise.race([refused, accepted]);
  secured.destroy();
  return answer;
}
