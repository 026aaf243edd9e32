import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import base from '../../cluster.config.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { names } from '../../messages/default-names.testkit.js';
import { inboxPrefixOf } from '../../messages/permissions.js';
import type { ChildMessage, StartMessage } from '../../messages/child-messages.js';
import type { ServerPorts } from '../../site/servers/server-config.js';
import { startRoleServers, type RoleServers } from '../support/role-servers.js';

const entry = fileURLToPath(new URL('../support/overstepping-actor.js', import.meta.url));

let servers: RoleServers;
beforeAll(async () => {
  servers = await startRoleServers();
}, 60_000);
afterAll(async () => servers?.stop());

function startMessage(index: number): StartMessage {
  return {
    type: 'start',
    address: `east.ranker.${index}`,
    kind: 'ranker',
    dataCenter: 'east',
    index,
    epoch: 1,
    partitions: [],
    config: parseClusterConfig(base),
    nats: {
      cluster: names.cluster,
      url: [servers.url('east')],
      user: 'ranker',
      password: servers.credentials.passwords.ranker,
      inboxPrefix: inboxPrefixOf('ranker', names),
    },
    stateDir: servers.folder,
  };
}

interface Life {
  readonly messages: ChildMessage[];
  readonly log: string;
}

/** Runs a ranker until `enough` of what it has said and logged, or until it ends by itself. */
async function lifeOf(index: number, enough: (life: Life) => boolean): Promise<Life> {
  const child = fork(entry, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [] });
  const messages: ChildMessage[] = [];
  let log = '';
  const look = (): void => {
    if (enough({ messages, log }) && child.connected) child.send({ type: 'stop', drainMs: 1_000 });
  };
  child.on('message', (message: ChildMessage) => {
    messages.push(message);
    look();
  });
  child.stdout!.on('data', (data: Buffer) => {
    log += data.toString();
    look();
  });
  child.send(startMessage(index));
  await new Promise((resolve) => child.once('close', resolve));
  return { messages, log };
}

test('a refused publish is logged and the actor goes on, as a caller can provoke it', async () => {
  const { messages, log } = await lifeOf(0, (life) => life.log.includes('a publish was refused'));
  expect(log).toContain('user \\"ranker\\" may not publish to starling.ps.push.0');
  const address = 'east.ranker.0';
  expect(messages).toContainEqual({ address, type: 'state', state: 'stopped' });
  expect(messages.some(({ type }) => type === 'failed')).toBe(false);
});

test('a refused subscription ends the actor, which would look ready and hear nothing', async () => {
  const { messages } = await lifeOf(1, () => false);
  expect(messages).toContainEqual({
    address: 'east.ranker.1',
    type: 'failed',
    code: 'FORBIDDEN',
    message: 'user "ranker" may not subscribe to starling.ps.push.0.',
  });
});

test('who knows no password does not join as a server', async () => {
  const file = path.join(servers.folder, 'ports.json');
  const ports = JSON.parse(readFileSync(file, 'utf8')) as Record<string, ServerPorts>;
  const { cluster, gateway } = ports['east']!;
  expect(await answerOf(cluster, { name: 'stranger' })).toContain('Authorization Violation');
  expect(await answerOf(gateway, { name: 'stranger', gateway: 'train' })).toContain(
    'Authorization Violation',
  );
});

/** All that a server says to somebody who introduces himself so, until it hangs up. */
function answerOf(port: number, introduction: Record<string, unknown>): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...introduction })}\r\nPING\r\n`);
  });
}
