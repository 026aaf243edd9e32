import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { commandsInFolder } from './commands-in-folder.testkit.js';

const { folder, starling } = commandsInFolder();

describe('starling doctor', () => {
  test('reports findings as JSON, and its exit code says whether any failed', async () => {
    const { code, out } = await starling(['doctor', '--json']);
    const { ok, findings } = JSON.parse(out) as {
      ok: boolean;
      findings: { name: string; level: string }[];
    };
    expect(code).toBe(ok ? 0 : 1);
    expect(findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'config', 'nats-server', 'disk', 'backend', 'lmdb']),
    );
    expect(findings.find(({ name }) => name === 'lmdb')).toMatchObject({ level: 'ok' });
  });

  test('fails on a wrong configuration, with every other finding beside it', async () => {
    await writeFile(path.join(folder, 'wrong.config.json'), '{"features":{},"partitions":0}');
    const { code, out } = await starling(['doctor', '--config', 'wrong.config.json']);
    expect(code).toBe(1);
    expect(out).toMatch(/fail {2}config .*wrong.config.json/);
    expect(out).toMatch(/ok +node/);
  });

  /** A shell script that calls itself a nats-server, so this needs a POSIX system. */
  async function fakeServer(version: string): Promise<{ NATS_SERVER: string }> {
    const NATS_SERVER = path.join(folder, `nats-server-${version}`);
    await writeFile(NATS_SERVER, `#!/bin/sh\necho "nats-server: v${version}"\n`, { mode: 0o755 });
    return { NATS_SERVER };
  }

  test('warns of an old nats-server, says what is at risk and how to get a newer one', async () => {
    const old = await starling(['doctor'], await fakeServer('2.12.2'));
    expect(old.out).toMatch(/warn {2}nats-server +2\.12\.2 at .* is older than 2\.12\.3: .*lost/);
    expect(old.out).toContain('Let NATS_SERVER name a newer one.');
    const current = await starling(['doctor'], await fakeServer('2.12.3'));
    expect(current.out).toMatch(/ok +nats-server +2\.12\.3/);
  });

  test('fails where a newer nats-server has written the streams, or is needed by the configuration', async () => {
    const servers = path.join(folder, 'written', 'nats');
    await mkdir(servers, { recursive: true });
    await writeFile(path.join(servers, 'versions.json'), '{"train": "2.15.3"}');
    const env = await fakeServer('2.14.0');
    const written = await starling(['doctor', '--state', 'written'], env);
    expect(written.code).toBe(1);
    expect(written.out).toMatch(
      /fail {2}nats-server +the streams of train .* 2\.15\.3, and 2\.14\.0/,
    );
    await writeFile(
      path.join(folder, 'synced.config.json'),
      JSON.stringify({
        features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
        nats: { syncAlways: true },
      }),
    );
    const args = ['doctor', '--config', 'synced.config.json'];
    const synced = await starling(args, await fakeServer('2.9.10'));
    expect(synced.code).toBe(1);
    expect(synced.out).toMatch(/fail {2}nats-server .*: nats\.syncAlways needs 2\.10\.0 or newer/);
  });

  test('looks at the servers of --nats by their greeting', async () => {
    const greeting = 'INFO {"server_id":"X","version":"2.9.10"}\r\n';
    const server = createServer((socket) => socket.resume().end(greeting));
    // Who comes again, to ask the cluster, meets nobody rather than one that never signs it in.
    server.once('connection', () => server.close());
    const closed = once(server, 'close');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const old = await starling(['doctor', '--nats', `nats://127.0.0.1:${port}`]);
    expect(old.out).toMatch(
      /warn {2}nats-server +2\.9\.10 at 127\.0\.0\.1:\d+ is older than 2\.12\.3/,
    );
    expect(old.out).toContain('docs/deployment.md');
    await closed;
    const env = { NATS_URL: `127.0.0.1:${port}` };
    const absent = await starling(['doctor'], env);
    expect(absent.code).toBe(1);
    expect(absent.out).toMatch(/fail {2}nats-server +no nats-server answers at 127\.0\.0\.1/);
  });
});
