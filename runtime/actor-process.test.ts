import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ParentMessage, StartMessage } from '../messages/child-messages.js';

const entry = fileURLToPath(new URL('./idle-process.testkit.js', import.meta.url));

let stateDir: string;
/** Says nothing to who connects: an actor is not ready before it has a bus, so it leaves nothing in order. */
let server: Server;
let child: ChildProcess;
let said: unknown[];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-actors-'));
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  child = fork(entry, { execArgv: [], env: { PATH: process.env['PATH'] }, silent: true });
  said = [];
  child.on('message', (message) => said.push(message));
});

afterEach(async () => {
  child.kill('SIGKILL');
  server.close();
  await rm(stateDir, { recursive: true });
});

function tell(...messages: ParentMessage[]): void {
  for (const message of messages) child.send(message);
}

function startOf(address: string, epoch = 1): StartMessage {
  const { port } = server.address() as AddressInfo;
  return {
    ...{ type: 'start', address, kind: 'ranker', dataCenter: 'a', index: 0, epoch },
    ...{ partitions: [], stateDir },
    config: { supervision: { heartbeatMs: 10_000, drainMs: 1_000, orphanMs: 0 } },
    nats: {
      ...{ cluster: 'starling', url: [`nats://127.0.0.1:${port}`] },
      ...{ user: 'user', password: 'secret' },
    },
  };
}

/** Its exit code. */
async function ended(): Promise<number> {
  const [code] = (await once(child, 'close')) as [number];
  return code;
}

describe('a process of actors', () => {
  const addresses = ['a.ranker.0', 'a.ranker.1'];
  const stops = addresses.map((address) => ({ type: 'stop', address, drainMs: 100 }) as const);

  beforeEach(() => tell(...addresses.map((address) => startOf(address))));

  test('does not become one of them twice: it says so, and ends', async () => {
    tell(startOf('a.ranker.0', 2));
    expect(await ended()).toBe(1);
    expect(said).toContainEqual({
      ...{ type: 'failed', address: 'a.ranker.0', code: 'INTERNAL' },
      message: expect.stringContaining('epoch 2 was started'),
    });
  });

  test('ends with one that does not leave in order', async () => {
    tell(stops[0]!);
    expect(await ended()).toBe(1);
    expect(said).toContainEqual({ type: 'left', address: 'a.ranker.0', clean: false });
  });

  test('goes on without it where all retire, until the last one has left', async () => {
    tell(...addresses.map((address) => ({ type: 'retire', address }) as const), stops[0]!);
    while (!said.some((message) => (message as { type: string }).type === 'left'))
      await once(child, 'message');
    expect(child.exitCode).toBeNull();
    tell(stops[1]!);
    expect(await ended()).toBe(0);
    expect(said).toContainEqual({ type: 'left', address: 'a.ranker.0', clean: false });
    expect(said).toContainEqual({ type: 'state', address: 'a.ranker.1', state: 'stopped' });
  });
});
